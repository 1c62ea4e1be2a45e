//! What do the pages link to? One stylesheet and perhaps a logo, each at an address that changes with its content.

use std::path::{Path, PathBuf};

use axum::extract::Path as UrlPath;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;

use crate::config;
use crate::keys::secret::hex;

const STYLESHEET: &str = include_str!("../../templates/style.css");

/// The files that are served below `/assets/`.
#[derive(Clone, Debug)]
pub struct Assets {
    stylesheet: Asset,
    logo: Option<Asset>,
}

#[derive(Clone, Debug)]
struct Asset {
    name: String,
    kind: &'static str,
    content: Vec<u8>,
}

impl Assets {
    /// The stylesheet in the brand's colours, and the brand's logo.
    ///
    /// # Errors
    /// When the logo cannot be read.
    pub fn new(brand: &config::Brand) -> Result<Self, (PathBuf, std::io::Error)> {
        let css = format!("{STYLESHEET}{}", super::colors::rules(brand));
        let logo = brand.logo.as_deref().map(read_logo).transpose()?;
        Ok(Self { stylesheet: Asset::new("css", "text/css; charset=utf-8", css.into_bytes()), logo })
    }

    /// Where the stylesheet is.
    #[must_use]
    pub fn stylesheet_path(&self) -> String {
        format!("/assets/{}", self.stylesheet.name)
    }

    /// Where the logo is, if there is one.
    #[must_use]
    pub fn logo_path(&self) -> Option<String> {
        self.logo.as_ref().map(|logo| format!("/assets/{}", logo.name))
    }

    /// `GET /assets/{name}`
    #[must_use]
    pub fn serve(&self, UrlPath(name): &UrlPath<String>) -> Response {
        let found =
            [Some(&self.stylesheet), self.logo.as_ref()].into_iter().flatten().find(|a| a.name == *name);
        match found {
            Some(asset) => (
                [
                    (header::CONTENT_TYPE, asset.kind),
                    (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                ],
                asset.content.clone(),
            )
                .into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

impl Asset {
    fn new(extension: &str, kind: &'static str, content: Vec<u8>) -> Self {
        let hash: String = hex(&sha256(&content)).chars().take(16).collect();
        Self { name: format!("{hash}.{extension}"), kind, content }
    }
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
