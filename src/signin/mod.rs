//! How does a person sign in? Start at [`decide`]; the pages each record one proof and come back to
//! `/authorize/{sign-in}`, where the protocol asks again what is missing.

pub mod decide;
