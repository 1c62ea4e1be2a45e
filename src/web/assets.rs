//! What do the pages link to? A stylesheet, an icon and perhaps a logo, each at an address that changes with its content.

use std::path::{Path, PathBuf};

use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;
use crate::config;
use crate::keys::secret::{hex, sha256};

const STYLESHEET: &str = include_str!("../../templates/style.css");
const CONSOLE_STYLESHEET: &str = include_str!("../../templates/console.css");
const CONSOLE_SCRIPT: &str = include_str!("../../templates/console.js");
const PAGE: &str = include_str!("../../templates/page.js");
const SUBMIT: &str = include_str!("../../templates/submit.js");
const LEAVE: &str = include_str!("../../templates/leave.js");
const SESSION_CHECK: &str = include_str!("../../templates/session_check.js");
const ICON: &str = include_str!("../../templates/icon.svg");

/// The files that are served below `/assets/`.
#[derive(Clone, Debug)]
pub struct Assets {
    stylesheet: Asset,
    icon: Asset,
    page: Asset,
    submit: Asset,
    leave: Asset,
    session_check: Asset,
    console_stylesheet: Asset,
    console_script: Asset,
    logo: Option<Asset>,
}

#[derive(Clone, Debug)]
struct Asset {
    name: String,
    kind: &'static str,
    content: Vec<u8>,
}

impl Assets {
    /// The stylesheet (`own`, where `[templates]` has one) in the brand's colours, the icon, and the brand's logo.
    ///
    /// # Errors
    /// When the logo cannot be read.
    pub fn new(brand: &config::Brand, own: Option<String>) -> Result<Self, (PathBuf, std::io::Error)> {
        let css = own.unwrap_or_else(|| light_css(STYLESHEET)) + &super::colors::rules(brand);
        let logo = brand.logo.as_deref().map(read_logo).transpose()?;
        Ok(Self {
            stylesheet: Asset::new("css", "text/css; charset=utf-8", css.into_bytes()),
            icon: Asset::new("svg", "image/svg+xml", ICON.into()),
            page: script(PAGE),
            submit: script(SUBMIT),
            leave: script(LEAVE),
            session_check: script(SESSION_CHECK),
            console_stylesheet: Asset::new(
                "css",
                "text/css; charset=utf-8",
                light_css(CONSOLE_STYLESHEET).into_bytes(),
            ),
            console_script: script(CONSOLE_SCRIPT),
            logo,
        })
    }

    /// Where the stylesheet is.
    #[must_use]
    pub fn stylesheet_path(&self) -> String {
        format!("/assets/{}", self.stylesheet.name)
    }

    /// Where the icon is that browsers show in a tab.
    #[must_use]
    pub fn icon_path(&self) -> String {
        format!("/assets/{}", self.icon.name)
    }

    /// Where the script of every page is.
    #[must_use]
    pub fn page_path(&self) -> String {
        format!("/assets/{}", self.page.name)
    }

    /// Where the script is that sends a page's form on by itself.
    #[must_use]
    pub fn submit_path(&self) -> String {
        format!("/assets/{}", self.submit.name)
    }

    /// Where the script is that goes on from a page once its frames have loaded.
    #[must_use]
    pub fn leave_path(&self) -> String {
        format!("/assets/{}", self.leave.name)
    }

    /// Where the script is that tells an app's page whether the session has changed.
    #[must_use]
    pub fn session_check_path(&self) -> String {
        format!("/assets/{}", self.session_check.name)
    }

    /// Where what the console's pages look like besides is.
    #[must_use]
    pub fn console_stylesheet_path(&self) -> String {
        format!("/assets/{}", self.console_stylesheet.name)
    }

    /// Where the console's script is.
    #[must_use]
    pub fn console_script_path(&self) -> String {
        format!("/assets/{}", self.console_script.name)
    }

    /// Where the logo is, if there is one.
    #[must_use]
    pub fn logo_path(&self) -> Option<String> {
        self.logo.as_ref().map(|logo| format!("/assets/{}", logo.name))
    }

    /// `GET /assets/{name}`
    #[must_use]
    pub fn serve(&self, name: &str) -> Response {
        let always = [
            &self.stylesheet,
            &self.icon,
            &self.page,
            &self.submit,
            &self.leave,
            &self.session_check,
            &self.console_stylesheet,
            &self.console_script,
        ];
        let found = always.into_iter().chain(self.logo.as_ref()).find(|asset| asset.name == name);
        match found {
            Some(asset) => (
                [
                    (header::CONTENT_TYPE, asset.kind),
                    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                ],
                asset.content.clone(),
            )
                .into_response(),
            None => Problem::NotFound.into_response(),
        }
    }
}

impl Asset {
    fn new(extension: &str, kind: &'static str, content: Vec<u8>) -> Self {
        let hash: String = hex(&sha256(&content)).chars().take(16).collect();
        Self { name: format!("{hash}.{extension}"), kind, content }
    }
}

fn script(text: &str) -> Asset {
    Asset::new("js", "text/javascript; charset=utf-8", code_of(text).join("\n").into_bytes())
}

/// What a browser does not need of our own stylesheet is not sent.
fn light_css(text: &str) -> String {
    let pairs = [(": ", ":"), ("; ", ";"), (" {", "{"), ("{ ", "{"), (" }", "}"), (", ", ",")];
    pairs.into_iter().fold(code_of(text).concat(), |css, (long, short)| css.replace(long, short))
}

/// The lines that are no comment, without what indents them. A comment has its lines to itself in our own files.
fn code_of(text: &str) -> Vec<&str> {
    let is_code = |line: &&str| !line.is_empty() && !line.starts_with("//") && !line.starts_with("/*");
    text.lines().map(str::trim).filter(is_code).collect()
}

fn read_logo(file: &Path) -> Result<Asset, (PathBuf, std::io::Error)> {
    let failed = |e| (file.to_owned(), e);
    let (extension, kind) = match file.extension().and_then(|e| e.to_str()) {
        Some("png") => ("png", "image/png"),
        Some("webp") => ("webp", "image/webp"),
        Some("svg") => ("svg", "image/svg+xml"),
        _ => return Err(failed(std::io::Error::other("brand.logo must be a .png, .webp or .svg file"))),
    };
    Ok(Asset::new(extension, kind, std::fs::read(file).map_err(failed)?))
}
