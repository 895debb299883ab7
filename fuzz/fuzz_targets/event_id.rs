//! An event id leads back to its stream, and every id that is read names one.
#![no_main]

use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};
use mcp_protocol::{
    event::{LastEvent, StreamId},
    jsonrpc::RequestId,
};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
    }
    let _ = written(&mut Unstructured::new(data));
});

/// A `Last-Event-ID` from a client.
fn read(text: &str) {
    let Some(last) = LastEvent::parse(text) else {
        return;
    };
    let name = StreamId::of_call(&last.incarnation, number(text), &last.request);
    assert_eq!(last.stream, name);
    let print = last.stream.event_id(last.place);
    assert_eq!(LastEvent::parse(&print), Some(last));
}

/// An id that this server writes: incarnation, number, request id, place.
fn written(from: &mut Unstructured<'_>) -> Result<()> {
    let (life, number, place): (u32, u32, u32) = from.arbitrary()?;
    let life = format!("{life:08x}");
    let said: String = from.arbitrary()?;
    let raw = match from.arbitrary::<Option<i64>>()? {
        Some(integer) => serde_json::value::to_raw_value(&integer),
        None => serde_json::value::to_raw_value(&said),
    };
    let Some(request) = RequestId::read(&raw.unwrap()) else {
        return Ok(());
    };
    let stream = StreamId::of_call(&life, number, &request);
    let id = stream.event_id(place);
    assert!(id.bytes().all(|byte| byte.is_ascii_graphic()));
    assert_eq!(
        LastEvent::parse(&id),
        Some(LastEvent { stream, incarnation: life, request, place })
    );
    assert_eq!(LastEvent::parse(&format!("{id}.0")), None);
    Ok(())
}

fn number(text: &str) -> u32 {
    text.split('.').nth(1).unwrap().parse().unwrap()
}
