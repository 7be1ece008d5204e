//! From what is wanted to what is done: pure, the same for all executors.
//!
//! ```text
//! replace   make new ─ wait until it serves ─ drain old ─ remove old
//! restart   drain ─ restart ─ wait until it serves ─ undrain
//! more      start those that stand ─ make the rest ─ wait until they serve
//! fewer     drain ─ remove, the highest number first
//! ```

use super::{Abilities, Intent, Observed, Patience, Replica, Step};

/// Why an intent cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no replica {0} any more")]
    Gone(String),
    #[error("{what} is not possible here: {why}")]
    Unable { what: &'static str, why: &'static str },
    #[error("there is no replica to make others like it")]
    NoPattern,
    #[error("nothing would be left: the last replica is never taken away")]
    Last,
}

/// The steps from what is to what is wanted; none when it is so already.
///
/// # Errors
/// The intent cannot be carried out here.
pub fn plan(
    intent: &Intent,
    observed: &Observed,
    abilities: Abilities,
    patience: Patience,
) -> Result<Vec<Step>, Refusal> {
    let find = |id: &String| observed.get(id).ok_or_else(|| Refusal::Gone(id.clone()));
    match intent {
        Intent::Hook { .. } if !abilities.hook => {
            Err(Refusal::Unable { what: "a hook", why: "none is configured" })
        }
        Intent::Hook { id } => {
            let Replica { id, name, .. } = find(id)?.clone();
            Ok(vec![Step::Hook { id, name }])
        }
        Intent::Restart { .. } if !abilities.restart => {
            Err(Refusal::Unable { what: "a restart", why: "the executor has none" })
        }
        Intent::Restart { id } => Ok(restart(find(id)?, patience)),
        Intent::Scale { to: 0 } => Err(Refusal::Last),
        Intent::Scale { to } if abilities.asks => Ok(vec![Step::Ask { to: *to }]),
        Intent::Replace { .. } | Intent::Scale { .. } if !abilities.scale => {
            Err(Refusal::Unable { what: "another replica", why: "the executor cannot make one" })
        }
        Intent::Replace { id } => Ok(replace(find(id)?, observed, patience)),
        Intent::Scale { to } => scale(*to as usize, observed, patience),
    }
}

fn drain(replica: &Replica, patience: Patience) -> Step {
    Step::Drain { id: replica.id.clone(), name: replica.name.clone(), within: patience.drain }
}

fn remove(replica: &Replica, patience: Patience) -> Step {
    Step::Remove { id: replica.id.clone(), name: replica.name.clone(), grace: patience.stop }
}

fn restart(replica: &Replica, patience: Patience) -> Vec<Step> {
    let Replica { id, name, number, .. } = replica;
    let mut steps = Vec::new();
    if replica.condition.runs() {
        steps.push(drain(replica, patience));
    }
    steps.extend([
        Step::Restart { id: id.clone(), name: name.clone(), grace: patience.stop },
        Step::AwaitReady { number: *number, within: patience.ready },
        Step::Undrain { id: id.clone(), name: name.clone() },
    ]);
    steps
}

fn replace(old: &Replica, observed: &Observed, patience: Patience) -> Vec<Step> {
    let number = free_numbers(observed).next().unwrap_or(1);
    vec![
        Step::Create { number, like: old.id.clone() },
        Step::AwaitReady { number, within: patience.ready },
        drain(old, patience),
        remove(old, patience),
    ]
}

fn scale(to: usize, observed: &Observed, patience: Patience) -> Result<Vec<Step>, Refusal> {
    let running: Vec<&Replica> = observed.running().collect();
    if running.len() >= to {
        let surplus = running.iter().rev().take(running.len() - to);
        return Ok(surplus.flat_map(|it| [drain(it, patience), remove(it, patience)]).collect());
    }
    let pattern = running.first().copied().or_else(|| observed.replicas.first()).ok_or(Refusal::NoPattern)?;
    let lacking = to - running.len();
    let standing = observed.replicas.iter().filter(|it| !it.condition.runs()).take(lacking);
    let (mut steps, mut numbers) = (Vec::new(), Vec::new());
    for it in standing {
        steps.push(Step::Start { id: it.id.clone(), name: it.name.clone() });
        numbers.push(it.number);
    }
    for number in free_numbers(observed).take(lacking - numbers.len()) {
        steps.push(Step::Create { number, like: pattern.id.clone() });
        numbers.push(number);
    }
    let wait = |number| Step::AwaitReady { number, within: patience.ready };
    steps.extend(numbers.into_iter().map(wait));
    Ok(steps)
}

/// Numbers behind all that are taken: a number that was used before is not used again while others run.
fn free_numbers(observed: &Observed) -> impl Iterator<Item = u32> + use<> {
    let last = observed.replicas.iter().map(|replica| replica.number).max().unwrap_or(0);
    last.saturating_add(1)..=u32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::Condition;
    use crate::executor::scripted::{ALL, replica};
    use proptest::prelude::*;
    use std::time::Duration;

    fn told(intent: &Intent, replicas: Vec<Replica>) -> Result<Vec<String>, Refusal> {
        let steps = plan(intent, &Observed::new(replicas), ALL, Patience::default())?;
        Ok(steps.iter().map(ToString::to_string).collect())
    }

    fn replicas(count: u32) -> Vec<Replica> {
        (1..=count).map(|number| replica(number, Condition::Healthy)).collect()
    }

    #[test]
    fn the_new_one_serves_before_the_old_one_goes() {
        let steps = told(&Intent::Replace { id: "id-2".into() }, replicas(3)).unwrap();
        assert_eq!(
            steps,
            [
                "make replica 4 like id-2",
                "wait until replica 4 serves, for 60 s at most",
                "drain api-2, for 30 s at most",
                "stop and remove api-2, with 10 s to stop by itself",
            ]
        );
    }

    #[test]
    fn a_restart_drains_first_and_undrains_when_it_serves() {
        let steps = told(&Intent::Restart { id: "id-1".into() }, replicas(1)).unwrap();
        assert_eq!(steps.first().unwrap(), "drain api-1, for 30 s at most");
        assert_eq!(steps.last().unwrap(), "give api-1 new flows again");
    }

    #[test]
    fn what_has_ended_needs_no_drain() {
        let ended = vec![replica(1, Condition::Failed)];
        let steps = told(&Intent::Restart { id: "id-1".into() }, ended).unwrap();
        assert!(steps[0].starts_with("restart"));
    }

    #[test]
    fn the_highest_numbers_go_first() {
        let steps = told(&Intent::Scale { to: 1 }, replicas(3)).unwrap();
        let gone: Vec<_> = steps.iter().filter(|step| step.starts_with("stop and remove")).collect();
        assert!(gone[0].contains("api-3") && gone[1].contains("api-2") && gone.len() == 2);
    }

    #[test]
    fn what_stands_is_started_before_others_are_made() {
        let some = vec![replica(1, Condition::Healthy), replica(2, Condition::Stopped)];
        let steps = told(&Intent::Scale { to: 3 }, some).unwrap();
        assert_eq!(&steps[..2], ["start api-2", "make replica 3 like id-1"]);
    }

    #[test]
    fn nothing_is_done_when_it_is_so_already() {
        assert_eq!(told(&Intent::Scale { to: 2 }, replicas(2)), Ok(vec![]));
    }

    #[test]
    fn the_last_one_stays() {
        assert_eq!(told(&Intent::Scale { to: 0 }, replicas(2)), Err(Refusal::Last));
    }

    #[test]
    fn nothing_is_made_like_nothing() {
        assert_eq!(told(&Intent::Scale { to: 2 }, vec![]), Err(Refusal::NoPattern));
    }

    #[test]
    fn what_is_gone_is_said_to_be_gone() {
        let gone = told(&Intent::Restart { id: "id-9".into() }, replicas(1)).unwrap_err();
        assert_eq!(gone.to_string(), "there is no replica id-9 any more");
    }

    #[test]
    fn an_executor_is_not_asked_what_it_cannot_do() {
        let cannot = Abilities { hook: false, restart: false, scale: false, asks: false };
        let all = Observed::new(replicas(2));
        for intent in [
            Intent::Hook { id: "id-1".into() },
            Intent::Restart { id: "id-1".into() },
            Intent::Replace { id: "id-1".into() },
            Intent::Scale { to: 3 },
        ] {
            let refused = plan(&intent, &all, cannot, Patience::default());
            assert!(matches!(refused, Err(Refusal::Unable { .. })), "{intent:?}");
        }
    }

    proptest! {
        /// Played through, a plan ends with as many as were wanted, and never removes before it has drained.
        #[test]
        fn scaling_ends_at_the_number(
            conditions in prop::collection::vec(0..6u8, 1..12),
            to in 1..20u32,
        ) {
            let all = [
                Condition::Starting, Condition::Running, Condition::Healthy,
                Condition::Unhealthy, Condition::Stopped, Condition::Failed,
            ];
            let before: Vec<Replica> = (1..).zip(&conditions)
                .map(|(number, at)| replica(number, all[usize::from(*at)]))
                .collect();
            let observed = Observed::new(before);
            let patience = Patience { drain: Duration::from_secs(1), ..Patience::default() };
            let steps = plan(&Intent::Scale { to }, &observed, ALL, patience).unwrap();
            let mut running = observed.running().count() as u32;
            let mut drained = std::collections::BTreeSet::new();
            for step in &steps {
                match step {
                    Step::Start { .. } | Step::Create { .. } => running += 1,
                    Step::Drain { id, .. } => drop(drained.insert(id.clone())),
                    Step::Remove { id, .. } => {
                        prop_assert!(drained.contains(id));
                        running -= 1;
                    }
                    _ => {}
                }
            }
            prop_assert_eq!(running, to);
        }
    }
}
