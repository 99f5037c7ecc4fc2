//! What every HTTP request must pass, and the headers that every answer carries.

use axum::extract::Request;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// On every answer.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];

/// Without the nonce for styles; the page's own answer has it.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data: blob:; \
                      font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; style-src 'self'";

/// The policy of the page, with the nonce that its styles carry.
pub(super) fn policy(nonce: &str) -> String {
    format!("{POLICY} 'nonce-{nonce}'")
}

/// Refuses foreign names and origins, and whatever is not a plain read.
pub(super) async fn guard(request: Request, next: Next) -> Response {
    let mut response = match check(request.method(), request.uri().authority().map(|it| it.as_str()), request.headers())
    {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    response
}

type Refused = (StatusCode, &'static str);

fn check(method: &Method, authority: Option<&str>, headers: &HeaderMap) -> Result<(), Refused> {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
            _ => Err(()),
        }
    };
    let host = one(header::HOST).ok().flatten().ok_or((StatusCode::BAD_REQUEST, "one Host header is needed\n"))?;
    if !is_loopback(host) || authority.is_some_and(|authority| authority != host) {
        return Err((StatusCode::MISDIRECTED_REQUEST, "this hub answers to localhost, 127.0.0.1 and [::1] only\n"));
    }
    let origin = one(header::ORIGIN).map_err(|()| (StatusCode::FORBIDDEN, "one Origin at most\n"))?;
    // There is no TLS yet, so the page's scheme is http.
    if origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host)) {
        return Err((StatusCode::FORBIDDEN, "requests of other pages are refused\n"));
    }
    if !matches!(*method, Method::GET | Method::HEAD) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n"));
    }
    Ok(())
}

/// Whether a Host names this machine to itself; any port, for `ssh -L` and `docker -p`.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        // A number alone: `parse` would take a sign, too.
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok() => name,
        _ => host,
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn status(method: &str, headers: &[(&str, &str)]) -> u16 {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        check(&method, None, &map).map_or_else(|refused| refused.0.as_u16(), |()| 200)
    }

    #[test]
    fn only_loopback_names_are_answered_with_any_port() {
        for host in ["localhost", "localhost:8080", "LOCALHOST:1", "127.0.0.1:15480", "[::1]", "[::1]:15480"] {
            assert_eq!(status("GET", &[("host", host)]), 200, "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:15480",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:1:2",
            "localhost:x",
            "192.168.1.2:15480",
            "[::2]",
            "::1",
            "",
            "user@localhost",
        ] {
            assert_eq!(status("GET", &[("host", host)]), 421, "{host}");
        }
        assert_eq!(status("GET", &[]), 400);
        assert_eq!(status("GET", &[("host", "localhost"), ("host", "evil.example")]), 400);
    }

    #[test]
    fn an_origin_must_be_the_page_itself() {
        let from = |origin| status("GET", &[("host", "127.0.0.1:15480"), ("origin", origin)]);
        assert_eq!(from("http://127.0.0.1:15480"), 200);
        for origin in [
            "null",
            "https://127.0.0.1:15480",
            "http://127.0.0.1:15481",
            "http://localhost:15480",
            "http://evil.example",
            "http://127.0.0.1:15480.evil.example",
            "",
        ] {
            assert_eq!(from(origin), 403, "{origin}");
        }
    }

    #[test]
    fn nothing_but_reading_is_allowed() {
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"] {
            assert_eq!(status(method, &[("host", "localhost")]), 405, "{method}");
        }
        assert_eq!(status("HEAD", &[("host", "localhost")]), 200);
    }

    /// A Host or Origin put together from what such headers are made of.
    fn name() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(
            &[
                "localhost",
                "127.0.0.1",
                "[::1]",
                "http://",
                "https://",
                ":80",
                ":+80",
                ":",
                "80",
                ".",
                "@",
                "/",
                "evil.example",
                "LOCALHOST",
                "null",
                "%00",
                "?",
                "#",
                "\\",
                "65536",
                "-1",
                "\t",
                "+",
            ][..],
        );
        prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 5000, ..ProptestConfig::default() })]

        #[test]
        fn only_this_machine_and_the_page_itself_pass_whatever_the_headers_say(host in name(), origin in prop::option::of(name())) {
            let mut headers = vec![("host", host.as_str())];
            headers.extend(origin.as_deref().map(|origin| ("origin", origin)));
            if status("GET", &headers) == 200 {
                let bare = host.to_ascii_lowercase();
                let port = ["localhost", "127.0.0.1", "[::1]"].into_iter().find_map(|name| bare.strip_prefix(name));
                let port = port.and_then(|port| if port.is_empty() { Some("0") } else { port.strip_prefix(':') });
                prop_assert!(port.is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit())), "{host}");
                let own = format!("http://{host}");
                prop_assert!(origin.is_none_or(|origin| origin == own));
            }
        }
    }
}
