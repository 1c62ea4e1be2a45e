//! Who gets in by typing an email address instead of a login?
#![cfg(test)]

mod support;

use countersign::directory::users::Changes;
use countersign::directory::{Error, Person, Status};
use support::admin::PASSWORD;
use support::browser::Browser;
use support::site::Site;

const INCORRECT: &str = "Incorrect login or password. Check for capital letters, and try again.";

/// Somebody who needs no code.
async fn add(site: &Site, login: &str, email: Option<&str>) -> Person {
    let plain = site.admin.add_group(&format!("Group of {login}"), false).await;
    site.admin.add_user(&plain, login, "User", email).await
}

/// Who has signed in by typing this, or the browser that was kept out.
async fn signed_in_by(site: &Site, typed: &str) -> Result<String, Browser> {
    let app = site.admin.add_app().await;
    let visit = app.visit();
    let browser = site.after_password(&visit, typed).await;
    if !browser.has_left() {
        return Err(browser);
    }
    let tokens = app.redeem(&visit, &browser.arrived()).await;
    let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
    Ok(claims["sub"].as_str().unwrap().to_owned())
}

async fn set_status(site: &Site, login: &str, status: Status) {
    site.admin.change(login, Changes { status: Some(status), ..Changes::default() }).await;
}

crate::on_both_databases! {
    async fn an_address_that_is_one_persons_signs_them_in_and_the_code_page_says_their_login(database) {
        let site = Site::on(database).await;
        let app = site.admin.add_app().await;
        let visit = app.visit();
        let mut browser = site.after_password(&visit, " NED@Example.ORG ").await;
        assert!(browser.has_field("code"), "{}", browser.text());
        let shown = r#"<input id="login" type="text" value="ned""#;
        assert!(browser.page().body.contains(shown), "{}", browser.page().body);
        let code = site.inbox("ned@example.org").code();
        browser.fill("code", &code).fill("password", PASSWORD).submit().await;
        let tokens = app.redeem(&visit, &browser.arrived()).await;
        let claims = app.verify(&tokens.text("id_token"), &visit, site.now()).await;
        assert_eq!(claims["sub"].as_str().unwrap(), site.admin.user("ned").await.id);
    }

    async fn an_address_is_known_in_any_letters(database) {
        let site = Site::on(database).await;
        let ines = add(&site, "ines", Some("Ines.IP@MÜLLER.example")).await;
        for typed in ["ines.ip@müller.example", "INES.IP@MÜLLER.EXAMPLE", "ines.ip@xn--mller-kva.example", "ｉｎｅｓ.ip@müller.example"] {
            assert_eq!(signed_in_by(&site, typed).await.unwrap(), ines.id, "{typed}");
        }
        for typed in ["ines.ip@muller.example", "ines@müller.example", "@müller.example", "ines.ip@"] {
            assert_eq!(signed_in_by(&site, typed).await.unwrap_err().error().as_deref(), Some(INCORRECT), "{typed}");
        }
    }

    async fn a_login_comes_before_an_address(database) {
        let site = Site::on(database).await;
        let named = add(&site, "Pia@example.org", None).await;
        let pia = add(&site, "pia", Some("pia@example.org")).await;
        assert_eq!(signed_in_by(&site, "PIA@example.org").await.unwrap(), named.id);
        assert_eq!(signed_in_by(&site, "pia").await.unwrap(), pia.id);
    }

    async fn an_address_of_two_is_nobodys_until_it_is_one_persons_again(database) {
        let site = Site::on(database).await;
        let pia = add(&site, "pia", Some("team@example.org")).await;
        let pit = add(&site, "pit", Some("Team@example.org")).await;
        let refused = signed_in_by(&site, "team@example.org").await.unwrap_err();
        assert_eq!(refused.error().as_deref(), Some(INCORRECT));
        assert_eq!(signed_in_by(&site, "pia").await.unwrap(), pia.id);
        assert_eq!(signed_in_by(&site, "pit").await.unwrap(), pit.id);
        set_status(&site, "pia", Status::Disabled).await;
        assert_eq!(signed_in_by(&site, "team@example.org").await.unwrap(), pit.id);
        set_status(&site, "pit", Status::Disabled).await;
        let refused = signed_in_by(&site, "team@example.org").await.unwrap_err();
        assert_eq!(refused.error().as_deref(), Some(INCORRECT));
    }

    /// Somebody of another tree writes down the address of somebody here, as email and as login.
    async fn nobody_loses_their_address_to_somebody_who_has_it_written_down(database) {
        let site = Site::on(database).await;
        let vera = add(&site, "vera", Some("vera@example.org")).await;
        let verified = Changes { email_verified: Some(true), ..Changes::default() };
        site.admin.change("vera", verified).await;
        add(&site, "gned", Some("Vera@example.org")).await;
        assert_eq!(signed_in_by(&site, "vera@example.org").await.unwrap(), vera.id);
        let globex = site.admin.add_group("Globex", false).await;
        let refused = site.admin.try_add_user(&globex, "VERA@example.org").await;
        assert!(matches!(refused, Err(Error::LoginTaken(_))), "{refused:?}");
        // One's own address may be one's login, and the login of somebody who is gone is free.
        site.admin.try_add_user(&globex, "own@example.org").await.unwrap();
        set_status(&site, "vera", Status::Disabled).await;
        set_status(&site, "gned", Status::Disabled).await;
        site.admin.try_add_user(&globex, "vera@example.org").await.unwrap();
    }

    /// Failures count for whoever the address is of: it is no second set of guesses.
    async fn an_address_is_no_way_around_the_count_of_wrong_passwords(database) {
        let site = Site::on(database).await;
        add(&site, "pia", Some("pia@example.org")).await;
        let app = site.admin.add_app().await;
        let mut guesser = site.browser();
        guesser.open(&app.visit().url()).await;
        let mut tries = 0;
        while guesser.error().is_none_or(|error| error == INCORRECT) {
            tries += 1;
            assert!(tries < 100, "guesses have no end: {}", guesser.text());
            guesser.fill("login", "pia@example.org").fill("password", "a wrong guess").submit().await;
        }
        let said = guesser.error().unwrap();
        assert!(said.starts_with("Too many attempts."), "{said}");
        let by_login = signed_in_by(&site, "pia").await.unwrap_err();
        assert!(by_login.error().is_some_and(|error| error.starts_with("Too many attempts.")), "{}", by_login.text());
        assert_eq!(by_login.status(), 429);
    }

    async fn a_new_password_is_asked_for_by_address_too_and_counted_with_those_by_login(database) {
        let mut site = Site::on(database).await;
        add(&site, "pia", Some("pia@example.org")).await;
        add(&site, "pit", Some("both@example.org")).await;
        add(&site, "pat", Some("both@example.org")).await;
        for typed in ["both@example.org", "PIA@example.org", "pia", "pia@example.org", "pia"] {
            let mut browser = site.browser();
            browser.open("/reset").await;
            browser.fill("login", typed).submit().await;
        }
        // They are seen to in the background, and before the process ends.
        site.restart().await;
        site.admin.until_no_mail_waits().await;
        let mails = |address: &str| {
            let letters = site.inbox(address).letters();
            letters.iter().filter(|l| l.header("subject").is_some_and(|s| s.contains("A new password"))).count()
        };
        assert_eq!(mails("pia@example.org"), 3);
        // Whose mailbox it is has both accounts.
        assert_eq!(mails("both@example.org"), 2);
        let told: String = site.inbox("both@example.org").letters().iter().map(support::smtp::Letter::text).collect();
        assert!(told.contains("pit") && told.contains("pat"), "{told}");
    }
}
