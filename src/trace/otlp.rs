//! How are spans written for a collector? OTLP as JSON (OTLP 1.x, `ExportTraceServiceRequest`).

use serde_json::{Value as Json, json};

use super::parent::Hex;
use super::span::{Kind, Span, Value};

/// The request that hands these spans over.
pub(super) fn request(spans: &[Span], instance: &str) -> String {
    let resource = [
        attribute("service.name", &Value::Word("countersign".into())),
        attribute("service.version", &Value::Word(env!("CARGO_PKG_VERSION").into())),
        attribute("service.instance.id", &Value::Word(instance.to_owned().into())),
    ];
    let spans: Vec<Json> = spans.iter().map(span).collect();
    let scope = json!({ "scope": { "name": "countersign" }, "spans": spans });
    json!({ "resourceSpans": [{ "resource": { "attributes": resource }, "scopeSpans": [scope] }] })
        .to_string()
}

fn span(span: &Span) -> Json {
    let attributes: Vec<Json> = span.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let mut json = json!({
        "traceId": Hex(&span.place.trace).to_string(),
        "spanId": Hex(&span.place.span).to_string(),
        "name": span.name,
        "kind": match span.kind { Kind::Server => 2, Kind::Client => 3 },
        // 64-bit numbers are strings in the JSON of protocol buffers.
        "startTimeUnixNano": span.began_ns.to_string(),
        "endTimeUnixNano": span.ended_ns.to_string(),
        "attributes": attributes,
        "status": if span.failed { json!({ "code": 2 }) } else { json!({}) },
    });
    if let (Some(parent), Some(json)) = (&span.parent, json.as_object_mut()) {
        json.insert("parentSpanId".to_owned(), Hex(parent).to_string().into());
    }
    json
}

fn attribute(name: &str, value: &Value) -> Json {
    let value = match value {
        Value::Word(word) => json!({ "stringValue": word }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
    };
    json!({ "key": name, "value": value })
}

#[cfg(test)]
mod tests {
    use super::super::parent::Place;
    use super::*;

    #[test]
    fn a_span_is_written_as_the_protocol_says() {
        let place = Place { trace: [0xab; 16], span: [1; 8] };
        let told = Span {
            place,
            parent: Some([2; 8]),
            kind: Kind::Client,
            name: "users.FIND".into(),
            began_ns: 1_800_000_000_000_000_001,
            ended_ns: 1_800_000_000_000_000_002,
            failed: true,
            attributes: vec![("http.response.status_code", Value::Number(503))],
        };
        let json: Json = serde_json::from_str(&request(&[told], "i")).unwrap();
        let resource = &json["resourceSpans"][0];
        assert_eq!(resource["resource"]["attributes"][0]["value"]["stringValue"], "countersign");
        let expected = json!({
            "traceId": "abababababababababababababababab",
            "spanId": "0101010101010101",
            "parentSpanId": "0202020202020202",
            "name": "users.FIND",
            "kind": 3,
            "startTimeUnixNano": "1800000000000000001",
            "endTimeUnixNano": "1800000000000000002",
            "attributes": [{ "key": "http.response.status_code", "value": { "intValue": "503" } }],
            "status": { "code": 2 },
        });
        assert_eq!(resource["scopeSpans"][0]["spans"][0], expected);
    }
}
