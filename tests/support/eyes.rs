//! Can everybody use the page? axe-core looks for what it can find, and screenshots are there for the rest.

use std::path::PathBuf;

use serde_json::Value;

use super::webdriver::{Chromium, LOOKS, Look};

/// axe-core by Deque Systems, MPL-2.0; see the folder.
const AXE: &str = include_str!("axe/axe.min.js");

/// Finds everything that axe-core calls a violation, best practices too; one line each.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    axe.run().then(
        found => done(found.violations.flatMap(v => v.nodes.map(n => v.id + ' at ' + n.target.join(' ') + ': ' + v.help))),
        error => done(['axe failed: ' + error]),
    );";

/// The narrowest window that a page must fit into, and those around which a page is drawn otherwise: its tables, its menu.
const WINDOWS: [Look; 5] = [
    Look { name: "narrowest", size: (320, 640), dark: false },
    Look { name: "before a table unfolds", size: (760, 900), dark: false },
    Look { name: "once a table has unfolded", size: (769, 900), dark: false },
    Look { name: "before the menu unfolds", size: (1080, 900), dark: false },
    Look { name: "once the menu has unfolded", size: (1089, 900), dark: false },
];

/// Looks at the page in every look, and keeps a screenshot of each under this name. Needs JavaScript.
pub async fn examine(chromium: &Chromium, name: &str) {
    let mut wrong = Vec::new();
    for look in LOOKS {
        chromium.look(look).await;
        let found = violations(chromium).await;
        wrong.extend(found.into_iter().map(|v| format!("{name}, {}: {v}", look.name)));
        wrong.extend(too_wide(chromium, name, look).await);
        keep(chromium, &format!("{name}-{}", look.name)).await;
    }
    for window in WINDOWS {
        chromium.look(window).await;
        wrong.extend(too_wide(chromium, name, window).await);
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// What axe-core finds wrong with the page as it is shown.
pub async fn violations(chromium: &Chromium) -> Vec<String> {
    chromium.run(AXE).await;
    let found = chromium.run_async(RUN).await;
    found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

async fn too_wide(chromium: &Chromium, name: &str, look: Look) -> Option<String> {
    let width = chromium.run("return document.documentElement.scrollWidth").await;
    let width = width.as_u64().expect("a width");
    (width > u64::from(look.size.0)).then(|| format!("{name}, {}: needs {width} pixels across", look.name))
}

/// Keeps a screenshot in `COUNTERSIGN_TEST_SCREENSHOTS`, or else in target/screenshots.
pub async fn keep(chromium: &Chromium, name: &str) {
    let folder = std::env::var_os("COUNTERSIGN_TEST_SCREENSHOTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/screenshots"), PathBuf::from);
    std::fs::create_dir_all(&folder).expect("a folder for the screenshots");
    std::fs::write(folder.join(format!("{name}.png")), chromium.screenshot().await).expect("a screenshot");
}
