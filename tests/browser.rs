//! Does it work in a real browser, with JavaScript off and on, for every pair of eyes?
#![cfg(test)]

#[path = "browser/webdriver.rs"]
mod webdriver;

use webdriver::{Chromium, LOOKS};

#[tokio::test]
async fn harness() {
    for js in [false, true] {
        let c = Chromium::start(js).await;
        c.open("data:text/html,<html lang=en><title>T</title><body><main><h1>Hi</h1><noscript>off</noscript><form action='https://x.invalid/'><label>L <input id=login name=login></label></form><img src=x></main>").await;
        c.type_into("#login", "ned").await;
        eprintln!("{js} {} {} {}", c.text().await, c.title().await, c.focused().await);
        for look in LOOKS {
            c.look(look).await;
            let png = c.screenshot().await;
            eprintln!("{} {} {}", look.name, png.len(), c.run("return [innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]").await);
        }
        c.open("data:text/html,<p id=x>off</p><script>x.textContent='on'</script>").await;
        eprintln!("javascript {js}: {}", c.text().await);
        if !js { continue }
        let axe = include_str!("browser/axe.min.js");
        c.run(axe).await;
        let r = c.run_async("const done = arguments[0]; axe.run().then(r => done(r.violations.map(v => v.id)), e => done(String(e)))").await;
        eprintln!("{r}");
    }
}
