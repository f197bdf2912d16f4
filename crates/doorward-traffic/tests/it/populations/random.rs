//! Random populations of which the truth is known: a client that was served, or may have been, is never blocked by a raise without being
//! named.

use doorward_model::Mode;
use doorward_traffic::{AdviceStep, Thresholds, Tier, Treatment};

use super::*;

const CLASSES: [(&str, &str); 7] = [
    ("Dubious", "OfALaterVersion"),
    ("Acceptable", "SpaceInUri"),
    ("Acceptable", "NonCompliantHeader"),
    ("Ambiguous", "BothTeClPresent"),
    ("Ambiguous", "AmbiguousUri"),
    ("Severe", "BadTransferEncoding"),
    ("Severe", "BadUri"),
];

/// A client of which it is known that it may be a user.
struct Truth {
    address: String,
    agent: String,
    tier: &'static str,
}

struct World {
    random: fastrand::Rng,
    population: Population,
    truths: Vec<Truth>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mode = if random.bool() { Mode::Monitor } else { Mode::Defensive };
        let mut population = Population::with_users(mode, 0..DAYS, random.i64(150..260));
        if random.u8(0..4) == 0 {
            population.thresholds = Thresholds { tolerated_share: 0.01, ..Thresholds::default() };
        }
        Self { random, population, truths: Vec::new() }
    }

    fn request(&mut self, at: i64, who: (&str, &str), class: (&'static str, &'static str), outcome: Outcome) {
        let path = format!("/p{}", self.random.u32(0..9));
        let (address, agent) = (who.0.to_owned(), who.1.to_owned());
        self.population.requests.push(Request { at, address, agent, class: Some(class), outcome, path });
    }

    fn moment(&mut self) -> i64 {
        self.random.i64(0..DAYS * DAY)
    }

    /// A client that may be a user, with requests on a few or all days.
    fn may_be_user(&mut self, number: usize) {
        let class = CLASSES[self.random.usize(0..CLASSES.len())];
        let address = match self.random.u8(0..4) {
            0 => format!("2001:db8:{:x}::{number:x}", self.random.u16(..)),
            _ => format!("203.0.{}.{}", self.random.u8(..), number % 250),
        };
        // Some have a number in their user agent that changes with every request.
        let numbered = self.random.u8(0..5) == 0;
        let agents = ["AcmePOS/5.1", "Mozilla/5.0 (X11)", "curl/8.1", "-", "AcmeBatch/1", "Java/1.8"];
        let agent = agents[self.random.usize(0..agents.len())].to_owned();
        let kinds = [
            (SERVED, 1),
            (by_target("302"), 1),
            (by_load_balancer("301", "redirect"), 1),
            (by_load_balancer("200", "fixed-response"), 1),
            (by_load_balancer("302", "authenticate"), 1),
            (by_load_balancer("502", "forward"), 1),
            (by_load_balancer("504", "waf,forward"), 1),
            (by_load_balancer("401", "authenticate"), 1),
            (by_load_balancer("561", "authenticate"), 1),
            (by_load_balancer("405", "waf"), 1),
            (by_load_balancer("202", "waf"), 1),
            (by_load_balancer("408", "forward"), 1),
            (by_load_balancer("460", "forward"), 1),
            (by_target("101"), 1),
            (by_target("503"), 1),
            // Regular clients: these come back.
            (by_target("401"), 12),
            (by_target("404"), 12),
            (by_load_balancer("404", "fixed-response"), 12),
            (by_target("409"), 12),
            (by_target("429"), 12),
        ];
        let (outcome, least) = kinds[self.random.usize(0..kinds.len())];
        for request in 0..self.random.usize(least..least + 30) {
            let at = if least > 1 { request as i64 % DAYS * DAY + self.random.i64(0..DAY) } else { self.moment() };
            let sent = if numbered { format!("AcmeTill/2 (receipt {request})") } else { agent.clone() };
            self.request(at, (&address, &sent), class, outcome);
            // What it sends besides may be refused.
            if self.random.u8(0..5) == 0 {
                self.request(at, (&address, &agent), class, by_target("404"));
            }
        }
        let agent = if numbered { "AcmeTill/2 (receipt 0)".to_owned() } else { agent };
        self.truths.push(Truth { address, agent, tier: class.0 });
    }

    fn scanners(&mut self) {
        let count = self.random.usize(1..400);
        for number in 0..count {
            let class = CLASSES[self.random.usize(0..CLASSES.len())];
            let address = format!("192.{}.{}.{}", self.random.u8(..), number / 250, number % 250);
            let outcomes = [by_target("404"), by_target("403"), by_target("400"), by_load_balancer("403", "waf")];
            let outcome = outcomes[self.random.usize(0..outcomes.len())];
            for _ in 0..self.random.usize(1..4) {
                let at = self.moment();
                self.request(at, (&address, "zgrab/0.x"), class, outcome);
            }
        }
    }

    /// A client that a stricter mode blocked before it was lowered again, and that went away.
    fn blocked_before(&mut self) {
        let mode = self.population.mode;
        let blocked = |class: &&(&str, &str)| Tier::from(class.0.to_owned()).in_mode(mode) != Treatment::Blocked;
        let classes: Vec<_> = CLASSES.iter().filter(blocked).copied().collect();
        let class = classes[self.random.usize(0..classes.len())];
        let until = self.random.i64(DAY..12 * DAY);
        for _ in 0..self.random.usize(1..40) {
            let at = self.random.i64(0..until);
            self.request(at, ("203.0.113.5", "AcmeShop/1"), class, BLOCKED);
        }
        self.population.changed = self.random.bool().then_some(until);
        self.truths.push(Truth { address: "203.0.113.5".to_owned(), agent: "AcmeShop/1".to_owned(), tier: class.0 });
    }

    /// Files that are missing, while CloudWatch counted everything.
    fn lose_files(&mut self) {
        let population = std::mem::replace(&mut self.population, Population::with_users(Mode::Monitor, [], 0));
        let mut population = population.metered((0, 0));
        let (day, node) = (self.random.i64(0..DAYS), self.random.usize(0..3));
        let mut number = 0;
        population.requests.retain(|request| {
            number += 1;
            request.at / DAY != day || (node < 2 && number % 2 != node)
        });
        self.population = population;
    }
}

fn world(seed: u64) -> World {
    let mut world = World::new(seed);
    for number in 0..[0, 0, 0, 1, 1, 2, 4, 9][world.random.usize(0..8)] {
        world.may_be_user(number);
    }
    if world.random.u8(0..3) > 0 {
        world.scanners();
    }
    if world.random.u8(0..6) == 0 {
        world.blocked_before();
    }
    match world.random.u8(0..6) {
        0 => world.lose_files(),
        1 => {
            let population = std::mem::replace(&mut world.population, Population::with_users(Mode::Monitor, [], 0));
            world.population = population.metered((0, 0));
        }
        _ => {}
    }
    world
}

#[test]
fn a_raise_blocks_no_client_that_may_be_a_user_without_naming_it() {
    let seeds = if std::env::var_os("DOORWARD_SLOW").is_some() { 5_000 } else { 300 };
    let mut steps = BTreeMap::new();
    for seed in 0..seeds {
        let World { population, truths, .. } = world(seed);
        let advice = population.advise();
        let kind = serde_json::to_value(&advice.step).unwrap()["step"].as_str().unwrap().to_owned();
        *steps.entry((kind, truths.is_empty())).or_insert(0) += 1;
        let AdviceStep::Raise { to } = advice.step else { continue };
        assert_eq!(advice.recommended, Some(to));
        for truth in &truths {
            let tier = Tier::from(truth.tier.to_owned());
            // A request of an unknown tier that got past the mode in force may be blocked by every stricter one.
            let passes = truth.tier == "Dubious" || tier.in_mode(population.mode) != Treatment::Blocked;
            let newly = tier.in_mode(to) == Treatment::Blocked && passes;
            let named = advice.blocks.iter().any(|source| {
                let same = source.client.address == truth.address
                    || (source.addresses > 1 && source.client.agent == truth.agent);
                same && source.client.cause.tier == tier && source.hurt() > 0
            });
            assert!(
                !newly || named,
                "seed {seed}: {} ({}) {}: {}",
                truth.address,
                truth.agent,
                truth.tier,
                said(&advice)
            );
        }
    }
    println!("{steps:?}");
    // Without users in the way, most populations may be raised: advice that never raises would be safe and useless.
    let of = |kind: &str| steps.get(&(kind.to_owned(), true)).copied().unwrap_or(0);
    let all: i32 = steps.iter().filter(|((_, free), _)| *free).map(|(_, count)| count).sum();
    assert!(of("raise") * 10 > all * 7, "{steps:?}");
}
