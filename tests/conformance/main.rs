//! Does the provider pass the plans of the OpenID conformance suite? One file a plan, one test a module, both named as there
//! with `_` for `-`, over https; `docs/conformance.md` lists them.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

/// The tests of a plan that uses shared modules: its terms (with `each` a list of them; with `fapi` those of
/// FAPI 2.0), then the modules, a line each.
macro_rules! plan {
    (each $terms:expr; $($name:ident)+) => {$(
        #[tokio::test]
        async fn $name() {
            for terms in $terms {
                crate::modules::$name(terms).await;
            }
        }
    )+};
    (fapi $terms:expr; $($name:ident)+) => {$(
        #[tokio::test]
        async fn $name() {
            crate::fapi_modules::$name($terms).await;
        }
    )+};
    ($terms:expr; $($name:ident)+) => {$(
        #[tokio::test]
        async fn $name() {
            crate::modules::$name($terms).await;
        }
    )+};
}
pub(crate) use plan;

mod checks;
mod dynamic;
mod fapi;
mod fapi2_message_signing_final_test_plan;
mod fapi2_security_profile_final_test_plan;
mod fapi_modules;
mod modules;
mod oidcc_3rdparty_init_login_certification_test_plan;
mod oidcc_backchannel_rp_initiated_logout_certification_test_plan;
mod oidcc_basic_certification_test_plan;
mod oidcc_config_certification_test_plan;
mod oidcc_dynamic_certification_test_plan;
mod oidcc_formpost_basic_certification_test_plan;
mod oidcc_frontchannel_rp_initiated_logout_certification_test_plan;
mod oidcc_hybrid_certification_test_plan;
mod oidcc_implicit_certification_test_plan;
mod oidcc_rp_initiated_logout_certification_test_plan;
mod oidcc_session_management_certification_test_plan;
mod suite;
mod table;
