//! The page's files: inside the binary in a release, from `web/dist` in a development build.

use axum::extract::Request;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ikpdb_proto::proof::hex;

use super::guard::policy;
use crate::state::random;

#[derive(rust_embed::RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Stands in the page where the nonce of its styles belongs.
const NONCE: &str = "__CSP_NONCE__";

/// Served when the page was not built.
const MISSING: &str = include_str!("missing.html");

/// What a file is, by the end of its name.
const TYPES: &[(&str, &str)] = &[
    ("css", "text/css; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("woff2", "font/woff2"),
];

/// Compressed forms that the build may have left beside a file, best first.
const ENCODINGS: &[(&str, &str)] = &[("br", ".br"), ("gzip", ".gz")];

pub(super) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    match path {
        "" | "index.html" => page(),
        path => file(path, request.headers()),
    }
}

fn page() -> Response {
    let embedded = Files::get("index.html").and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    let Some(html) = embedded else {
        return ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], MISSING).into_response();
    };
    let Ok(nonce) = random() else {
        return (StatusCode::INTERNAL_SERVER_ERROR, "the system has no random numbers\n").into_response();
    };
    let nonce = hex(&nonce[..16]);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy(&nonce)),
    ];
    (headers, html.replace(NONCE, &nonce)).into_response()
}

fn file(path: &str, asked: &HeaderMap) -> Response {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    let Some((_, kind)) = TYPES.iter().find(|(name, _)| *name == extension) else { return missing() };
    let lines = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    let compressed = wanted(&lines.collect::<Vec<_>>().join(","))
        .into_iter()
        .find_map(|(name, end)| Some((name, Files::get(&format!("{path}{end}"))?)));
    let (encoding, file) = match compressed {
        Some((name, file)) => (Some(name), file),
        None => match Files::get(path) {
            Some(file) => (None, file),
            None => return missing(),
        },
    };
    // The build puts a hash into the names below `assets`.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = file.data.into_owned().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The compressed forms that `Accept-Encoding` asks for rather than the plain one, the most wanted first.
fn wanted(accepted: &str) -> Vec<(&'static str, &'static str)> {
    let plain = weight(accepted, "identity").unwrap_or_default();
    let weighed = ENCODINGS.iter().filter_map(|it| Some((weight(accepted, it.0)?, *it)));
    let mut wanted: Vec<_> = weighed.filter(|(weight, _)| *weight > 0.0 && *weight >= plain).collect();
    // Of equally wanted ones the better stays first.
    wanted.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    wanted.into_iter().map(|(_, it)| it).collect()
}

/// How much a coding is wanted, from 0 (not at all) to 1; none if nothing is said of it. Without a readable weight it is not wanted.
fn weight(accepted: &str, coding: &str) -> Option<f32> {
    let said = |wanted: &str| {
        accepted.split(',').find_map(|one| {
            let (name, parameter) = one.split_once(';').unwrap_or((one, "q=1"));
            name.trim().eq_ignore_ascii_case(wanted).then(|| {
                let (name, value) = parameter.split_once('=')?;
                let value: f32 = value.trim().parse().ok()?;
                (name.trim().eq_ignore_ascii_case("q") && (0.0..=1.0).contains(&value)).then_some(value)
            })
        })
    };
    said(coding).or_else(|| said("*")).map(Option::unwrap_or_default)
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "there is no such file\n").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_form_is_chosen_only_if_the_browser_wants_it_and_the_most_wanted_first() {
        for (accepted, expected) in [
            ("", &[][..]),
            ("identity", &[]),
            ("gzip", &["gzip"]),
            ("gzip, deflate, br, zstd", &["br", "gzip"]),
            ("GZIP ; Q=0.5", &["gzip"]),
            ("br;q=0, gzip", &["gzip"]),
            ("br;q=0.000,gzip;q=0", &[]),
            ("br;q=0.2, gzip;q=0.8", &["gzip", "br"]),
            ("gzip;q=0.5, br;q=0.5", &["br", "gzip"]),
            ("*", &["br", "gzip"]),
            ("*;q=0", &[]),
            ("*;q=0, gzip", &["gzip"]),
            ("br;q=0, *", &["gzip"]),
            ("gzip;q=0.5, identity", &[]),
            ("gzip;q=0.5, identity;q=0", &["gzip"]),
            ("gzip;q=, br;q=2", &[]),
            ("gzip;q=nan, br;q=-1", &[]),
            ("gzip;level=1", &[]),
            ("gzipped, ;q=1, ,=", &[]),
        ] {
            let names: Vec<_> = wanted(accepted).into_iter().map(|(name, _)| name).collect();
            assert_eq!(names, expected, "{accepted}");
        }
    }
}
