//! One contract for both buses.

use bytes::Bytes;
use events::{Bus, MemoryBus, RedisBus, Signal};

use crate::pipeline::soon;

fn redis() -> Bus {
    Bus::Redis(RedisBus::new(&testing::redis_url()).unwrap())
}

fn memory() -> Bus {
    Bus::Memory(MemoryBus::default())
}

/// A channel that no other test uses.
fn unique(name: &str) -> String {
    format!("test.{name}.{}", uuid::Uuid::now_v7())
}

async fn what_is_published_arrives_in_order(bus: Bus) {
    let channel = unique("order");
    let mut first = bus.subscribe(&channel);
    let mut second = bus.subscribe(&channel);
    assert_eq!(soon(first.next()).await, Some(Signal::Gap));
    assert_eq!(soon(second.next()).await, Some(Signal::Gap));
    for number in 0..100u8 {
        bus.publish(&channel, Bytes::from(vec![number]))
            .await
            .unwrap();
    }
    for number in 0..100u8 {
        let expected = Some(Signal::Payload(Bytes::from(vec![number])));
        assert_eq!(soon(first.next()).await, expected);
        assert_eq!(soon(second.next()).await, expected);
    }
}

async fn channels_do_not_mix(bus: Bus) {
    let (ours, theirs) = (unique("ours"), unique("theirs"));
    let mut subscription = bus.subscribe(&ours);
    assert_eq!(soon(subscription.next()).await, Some(Signal::Gap));
    bus.publish(&theirs, Bytes::from_static(b"theirs"))
        .await
        .unwrap();
    bus.publish(&ours, Bytes::from_static(b"ours"))
        .await
        .unwrap();
    let heard = soon(subscription.next()).await;
    assert_eq!(heard, Some(Signal::Payload(Bytes::from_static(b"ours"))));
}

async fn nobody_listening_is_no_error(bus: Bus) {
    bus.publish(&unique("nobody"), Bytes::from_static(b"x"))
        .await
        .unwrap();
}

/// A subscriber that does not keep up must be told that it missed something: it
/// may never believe that it heard everything.
async fn who_falls_behind_is_told(bus: Bus) {
    const SENT: usize = 6000;
    let channel = unique("slow");
    let mut slow = bus.subscribe(&channel);
    assert_eq!(soon(slow.next()).await, Some(Signal::Gap));
    for number in 0..SENT {
        bus.publish(&channel, Bytes::from(number.to_string()))
            .await
            .unwrap();
    }
    let (mut heard, mut gaps) = (0, 0);
    // One more message proves that the end was reached, in either case.
    loop {
        bus.publish(&channel, Bytes::from_static(b"end"))
            .await
            .unwrap();
        match soon(slow.next()).await {
            Some(Signal::Payload(payload)) if payload == "end" => break,
            Some(Signal::Payload(_)) => heard += 1,
            Some(Signal::Gap) => gaps += 1,
            None => panic!("the bus is gone"),
        }
    }
    assert!(
        heard == SENT || gaps > 0,
        "{heard} of {SENT} heard and no gap told"
    );
}

macro_rules! contract {
    ($($test:ident),*) => {$(
        mod $test {
            #[tokio::test]
            async fn memory() {
                super::$test(super::memory()).await;
            }

            #[tokio::test]
            async fn redis() {
                super::$test(super::redis()).await;
            }
        }
    )*};
}

contract!(
    what_is_published_arrives_in_order,
    channels_do_not_mix,
    nobody_listening_is_no_error,
    who_falls_behind_is_told
);

#[tokio::test]
async fn a_redis_that_is_away_is_an_error_and_not_a_wait() {
    let bus = Bus::Redis(RedisBus::new("redis://127.0.0.1:1").unwrap());
    assert!(soon(bus.publish("x", Bytes::new())).await.is_err());
}
