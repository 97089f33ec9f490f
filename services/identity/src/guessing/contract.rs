//! What both kinds of counters promise, by one set of tests with a clock of their
//! own.

use time::{Duration as Span, OffsetDateTime};
use uuid::Uuid;

use super::{Attempt, Limits, Missing, Outcome, Verdict, counters::Backend, counters::Counters};

const LIMITS: Limits = Limits {
    free: 5,
    per_account: 50,
    per_network: 100,
};

/// Counters and a time; the accounts and networks are its own.
struct World {
    counters: Counters,
    now: OffsetDateTime,
    mark: String,
}

impl World {
    fn both() -> [Self; 2] {
        let redis = ::redis::Client::open(testing::redis_url()).unwrap();
        [Some(redis), None].map(|redis| Self {
            counters: Counters::new(redis, LIMITS),
            now: OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap(),
            mark: Uuid::new_v4().to_string(),
        })
    }

    fn stranger(&self, account: &str, network: &str) -> Attempt {
        Attempt {
            account: format!("{account} {}", self.mark),
            network: format!("{network} {}", self.mark),
            known_network: false,
            known_device: false,
        }
    }

    async fn admit(&self, attempt: &Attempt) -> Verdict {
        self.counters.admit(attempt, self.now).await.0
    }

    /// An attempt and what became of it, when it was admitted.
    async fn attempt(&self, attempt: &Attempt, outcome: Outcome) -> Verdict {
        let (verdict, backend) = self.counters.admit(attempt, self.now).await;
        if verdict == Verdict::Admitted {
            self.counters
                .settle(backend, attempt, outcome, self.now)
                .await;
        }
        verdict
    }

    async fn fail(&self, attempt: &Attempt) -> Verdict {
        self.attempt(attempt, Outcome::Wrong).await
    }
}

fn wait(seconds: u64) -> Verdict {
    Verdict::Wait(std::time::Duration::from_secs(seconds))
}

#[tokio::test]
async fn five_are_free_and_then_the_wait_doubles_to_a_quarter_of_an_hour() {
    for mut world in World::both() {
        let attempt = world.stranger("ana", "here");
        for _ in 0..5 {
            assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(world.admit(&attempt).await, wait(seconds));
            world.now += Span::seconds(i64::try_from(seconds).unwrap()) - Span::milliseconds(1);
            let Verdict::Wait(rest) = world.admit(&attempt).await else {
                panic!("admitted before the wait was over");
            };
            assert_eq!(rest.as_millis(), 1);
            world.now += Span::milliseconds(1);
            assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
        }
        // The same account from elsewhere, and another one from here, are free.
        let elsewhere = world.stranger("ana", "there");
        assert_eq!(world.admit(&elsewhere).await, Verdict::Admitted);
        let other = world.stranger("eva", "here");
        assert_eq!(world.admit(&other).await, Verdict::Admitted);
        world.now += Span::hours(25);
        assert_eq!(world.admit(&attempt).await, Verdict::Admitted);
    }
}

#[tokio::test]
async fn a_success_resets_its_own_counter_alone() {
    for world in World::both() {
        let (here, there) = (
            world.stranger("ana", "here"),
            world.stranger("ana", "there"),
        );
        for _ in 0..4 {
            world.fail(&here).await;
            world.fail(&there).await;
        }
        assert_eq!(
            world.attempt(&here, Outcome::Right).await,
            Verdict::Admitted
        );
        for _ in 0..5 {
            assert_eq!(world.fail(&here).await, Verdict::Admitted);
        }
        assert_eq!(world.fail(&here).await, wait(1));
        assert_eq!(world.fail(&there).await, Verdict::Admitted);
        assert_eq!(world.fail(&there).await, wait(1));
    }
}

#[tokio::test]
async fn strangers_cannot_lock_the_owner_out() {
    for mut world in World::both() {
        for network in 0..50 {
            let attempt = world.stranger("ana", &network.to_string());
            assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
        }
        let stranger = world.stranger("ana", "one more");
        assert_eq!(world.fail(&stranger).await, Verdict::Pretended);
        let at_home = Attempt {
            known_network: true,
            ..world.stranger("ana", "home")
        };
        assert_eq!(
            world.attempt(&at_home, Outcome::Right).await,
            Verdict::Admitted
        );
        let with_phone = Attempt {
            known_device: true,
            ..world.stranger("ana", "travelling")
        };
        assert_eq!(
            world.attempt(&with_phone, Outcome::Right).await,
            Verdict::Admitted
        );
        // A stranger who goes on waits as anybody does.
        for _ in 0..4 {
            assert_eq!(world.fail(&stranger).await, Verdict::Pretended);
        }
        assert_eq!(world.fail(&stranger).await, wait(1));
        let other = world.stranger("eva", "one more");
        assert_eq!(world.admit(&other).await, Verdict::Admitted);
        world.now += Span::hours(1);
        let late = world.stranger("ana", "late");
        assert_eq!(world.admit(&late).await, Verdict::Admitted);
    }
}

#[tokio::test]
async fn one_network_cannot_try_every_account() {
    for mut world in World::both() {
        for account in 0..100 {
            let attempt = world.stranger(&account.to_string(), "here");
            assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
        }
        let attempt = world.stranger("one more", "here");
        assert_eq!(world.fail(&attempt).await, wait(36));
        let resident = Attempt {
            known_network: true,
            ..world.stranger("resident", "here")
        };
        assert_eq!(
            world.attempt(&resident, Outcome::Right).await,
            Verdict::Admitted
        );
        let elsewhere = world.stranger("one more", "there");
        assert_eq!(world.admit(&elsewhere).await, Verdict::Admitted);
        world.now += Span::seconds(36);
        assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
        assert_eq!(world.fail(&attempt).await, wait(36));
    }
}

#[tokio::test]
async fn successes_and_what_was_not_judged_cost_nothing() {
    for world in World::both() {
        for number in 0..300 {
            let attempt = world.stranger("ana", "here");
            let outcome = if number % 2 == 0 {
                Outcome::Right
            } else {
                Outcome::Unjudged
            };
            assert_eq!(world.attempt(&attempt, outcome).await, Verdict::Admitted);
        }
    }
}

#[tokio::test]
async fn attempts_at_the_same_time_are_no_way_around() {
    for world in World::both() {
        let attempt = world.stranger("ana", "here");
        let mut admitted = Vec::new();
        for _ in 0..20 {
            let (verdict, backend) = world.counters.admit(&attempt, world.now).await;
            if verdict == Verdict::Admitted {
                admitted.push(backend);
            }
        }
        assert_eq!(admitted.len(), 5);
        assert_eq!(world.admit(&attempt).await, Verdict::Crowded);
        for backend in admitted {
            let settled = world
                .counters
                .settle(backend, &attempt, Outcome::Wrong, world.now);
            settled.await;
        }
        assert_eq!(world.admit(&attempt).await, wait(1));

        // Whoever is known from here may come with more at once, within bounds.
        let resident = Attempt {
            known_network: true,
            ..world.stranger("eva", "here")
        };
        let mut admitted = 0;
        for _ in 0..50 {
            admitted += usize::from(world.admit(&resident).await == Verdict::Admitted);
        }
        assert_eq!(admitted, 32);
    }
}

#[tokio::test]
async fn attempts_of_a_process_that_ended_are_forgotten() {
    for mut world in World::both() {
        let attempt = world.stranger("ana", "here");
        for _ in 0..5 {
            assert_eq!(world.admit(&attempt).await, Verdict::Admitted);
        }
        assert_eq!(world.admit(&attempt).await, Verdict::Crowded);
        world.now += Span::seconds(61);
        assert_eq!(world.admit(&attempt).await, Verdict::Admitted);
    }
}

#[tokio::test]
async fn buckets_are_spent_together_or_not_at_all() {
    for mut world in World::both() {
        let mark = &world.mark.clone();
        let bucket = |name: &str, hourly| (format!("{name} {mark}"), hourly);
        for _ in 0..3 {
            let buckets = [bucket("address", 3), bucket("network", 7)];
            assert_eq!(world.counters.spend(&buckets, world.now).await, None);
        }
        let buckets = [bucket("address", 3), bucket("network", 7)];
        for _ in 0..5 {
            let wait = world.counters.spend(&buckets, world.now).await;
            assert_eq!(wait, Some(std::time::Duration::from_mins(20)));
        }
        for _ in 0..4 {
            let network = [bucket("network", 7)];
            assert_eq!(world.counters.spend(&network, world.now).await, None);
        }
        assert!(
            world
                .counters
                .spend(&[bucket("network", 7)], world.now)
                .await
                .is_some()
        );
        world.now += Span::hours(1);
        assert_eq!(world.counters.spend(&buckets, world.now).await, None);
    }
}

#[tokio::test]
async fn who_asks_for_too_many_missing_addresses_learns_no_more() {
    for mut world in World::both() {
        let asker = world.mark.clone();
        let ask = async |address: &str, now| world.counters.missing(&asker, address, now).await;
        for round in 0..3 {
            for address in ["a", "b", "c", "d", "e"] {
                assert_eq!(
                    ask(address, world.now).await,
                    Missing::Told,
                    "{round} {address}"
                );
            }
        }
        assert_eq!(ask("f", world.now).await, Missing::Hidden { newly: true });
        for address in ["a", "g"] {
            assert_eq!(
                ask(address, world.now).await,
                Missing::Hidden { newly: false }
            );
        }
        let other = format!("other {asker}");
        assert_eq!(
            world.counters.missing(&other, "a", world.now).await,
            Missing::Told
        );
        let last = world.now + Span::hours(24) - Span::seconds(1);
        assert_eq!(ask("h", last).await, Missing::Hidden { newly: false });
        world.now = last + Span::seconds(2);
        assert_eq!(
            world.counters.missing(&asker, "i", world.now).await,
            Missing::Told
        );
    }
}

#[tokio::test]
async fn without_redis_the_replica_counts_alone_and_is_stricter() {
    let away = ::redis::Client::open("redis://127.0.0.1:1/").unwrap();
    let world = World {
        counters: Counters::new(Some(away), LIMITS),
        now: OffsetDateTime::UNIX_EPOCH,
        mark: String::new(),
    };
    let attempt = world.stranger("ana", "here");
    let (verdict, backend) = world.counters.admit(&attempt, world.now).await;
    assert_eq!((verdict, backend), (Verdict::Admitted, Backend::Local));
    let settled = world
        .counters
        .settle(backend, &attempt, Outcome::Wrong, world.now);
    settled.await;
    for _ in 0..2 {
        assert_eq!(world.fail(&attempt).await, Verdict::Admitted);
    }
    assert_eq!(world.fail(&attempt).await, wait(1));
}
