//! Processes that the agent itself starts and watches over: for a host without systemd and containers.
//!
//! A process that ends by itself is started again, at once the first time, then after 1 s, 2 s … 60 s; ten good minutes
//! are forgiving. Its number is in `STATEX_NUMBER`, and in every `{number}` of its command. The processes are the
//! agent's children: they end with it.

use super::cgroup;
use super::hook::{self, Hook};
use super::{Abilities, Condition, Executor, ExecutorError, Exit, Observed, Order, Patience, Replica, Step};
use crate::clock::{Clock, Moment};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::Notify;

/// The longest time between two starts.
const LONGEST: Duration = Duration::from_secs(60);
/// So long without an end, and the next start is at once again.
const FORGIVEN: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(50);

/// The processes of one workload.
pub struct Processes {
    name: String,
    command: Vec<String>,
    patience: Patience,
    hook: Option<Hook>,
    clock: Clock,
    slots: Arc<Mutex<BTreeMap<u32, Slot>>>,
    news: Arc<Notify>,
}

/// One process, or the place of one.
#[derive(Debug)]
struct Slot {
    /// Process id, which is also that of its group.
    pid: Option<u32>,
    started: Option<Timestamp>,
    since: Moment,
    restarts: u32,
    exit: Option<Exit>,
    /// It shall run.
    wanted: bool,
    /// Grows with every start that was ordered: what watches over an earlier one lets go.
    turn: u64,
}

impl Processes {
    /// Starts nothing yet.
    pub fn new(
        name: &str,
        command: Vec<String>,
        patience: Patience,
        hook: Option<Hook>,
        clock: Clock,
    ) -> Self {
        let name = format!("process {name}");
        Self { name, command, patience, hook, clock, slots: Arc::default(), news: Arc::default() }
    }

    /// Starts so many; for the beginning.
    pub fn begin(&self, replicas: u32) {
        (1..=replicas).for_each(|number| self.start(number));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u32, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, number: u32) {
        let now = self.clock.now();
        let turn = {
            let mut slots = self.lock();
            let slot = slots.entry(number).or_insert_with(|| Slot {
                pid: None,
                started: None,
                since: now,
                restarts: 0,
                exit: None,
                wanted: false,
                turn: 0,
            });
            (slot.wanted, slot.turn) = (true, slot.turn + 1);
            slot.turn
        };
        let watch = Watch {
            number,
            turn,
            command: self.command.clone(),
            slots: self.slots.clone(),
            news: self.news.clone(),
            clock: self.clock.clone(),
        };
        tokio::spawn(watch.run());
    }

    async fn stop(&self, number: u32, grace: Duration) -> Result<(), ExecutorError> {
        let pid = {
            let mut slots = self.lock();
            let Some(slot) = slots.get_mut(&number) else { return Ok(()) };
            slot.wanted = false;
            slot.pid
        };
        let Some(pid) = pid else { return Ok(()) };
        for (signal, patience) in [(Signal::SIGTERM, grace), (Signal::SIGKILL, LONGEST)] {
            self.signal(pid, signal)?;
            let until = self.clock.now() + patience;
            while self.clock.now() < until {
                if self.lock().get(&number).is_none_or(|slot| slot.pid != Some(pid)) {
                    return Ok(());
                }
                self.clock.sleep_until(self.clock.now() + LOOK).await;
            }
        }
        Err(ExecutorError::TimedOut {
            what: format!("{} {number} to stop", self.name),
            within: grace + LONGEST,
        })
    }

    fn signal(&self, pid: u32, signal: Signal) -> Result<(), ExecutorError> {
        let group = i32::try_from(pid).map(Pid::from_raw);
        match group.map(|group| killpg(group, signal)) {
            // It has just ended.
            Ok(Ok(()) | Err(nix::errno::Errno::ESRCH)) => Ok(()),
            Ok(Err(error)) => Err(ExecutorError::Refused { what: self.name.clone(), why: error.to_string() }),
            Err(_) => Ok(()),
        }
    }

    fn look(&self) -> Observed {
        let replica = |(number, slot): (&u32, &Slot)| Replica {
            id: number.to_string(),
            name: format!("{}-{number}", self.name.trim_start_matches("process ")),
            backend: Some(format!("{}-{number}", self.name.trim_start_matches("process "))),
            program: self.command.first().cloned(),
            number: *number,
            address: None,
            condition: match (slot.pid, slot.wanted) {
                (Some(_), _) => Condition::Running,
                (None, true) => Condition::Failed,
                (None, false) => Condition::Stopped,
            },
            started: slot.started,
            restarts: slot.restarts,
            exit: slot.exit,
            usage: slot
                .pid
                .and_then(|pid| cgroup::of_process(pid.into()))
                .map(|folder| cgroup::pressure(&folder)),
        };
        Observed::new(self.lock().iter().map(replica).collect())
    }

    async fn step(&self, step: &Step) -> Result<String, ExecutorError> {
        let number = |id: &str| {
            id.parse::<u32>().map_err(|_| ExecutorError::Refused {
                what: self.name.clone(),
                why: format!("{id} is no number of a process"),
            })
        };
        match step {
            Step::Hook { id, .. } => return self.help_itself(number(id)?).await,
            Step::Create { number, .. } => self.start(*number),
            Step::Start { id, .. } => self.start(number(id)?),
            Step::Restart { id, grace, .. } => {
                self.stop(number(id)?, *grace).await?;
                self.start(number(id)?);
            }
            Step::Remove { id, grace, .. } => {
                self.stop(number(id)?, *grace).await?;
                self.lock().remove(&number(id)?);
            }
            Step::Drain { .. } | Step::Undrain { .. } | Step::AwaitReady { .. } | Step::Ask { .. } => {
                let why = format!("to {step} is not its business");
                return Err(ExecutorError::Unable { what: self.name.clone(), why });
            }
        }
        Ok(step.to_string())
    }

    async fn help_itself(&self, number: u32) -> Result<String, ExecutorError> {
        let observed = self.look();
        let gone = || ExecutorError::Refused { what: self.name.clone(), why: format!("{number} is gone") };
        let replica = observed.get(&number.to_string()).ok_or_else(gone)?;
        let pid = self.lock().get(&number).and_then(|slot| slot.pid);
        match (&self.hook, pid) {
            (Some(Hook::Signal(name)), Some(pid)) => {
                let full = if name.starts_with("SIG") { name.clone() } else { format!("SIG{name}") };
                let unknown =
                    || ExecutorError::Unable { what: self.name.clone(), why: format!("there is no {full}") };
                self.signal(pid, full.parse().map_err(|_| unknown())?)?;
                Ok(format!("sent {full} to {}", replica.name))
            }
            (Some(hook), _) => hook::run(hook, replica).await,
            (None, _) => {
                Err(ExecutorError::Unable { what: self.name.clone(), why: "no hook is configured".into() })
            }
        }
    }
}

/// Watches over one slot until somebody else does.
struct Watch {
    number: u32,
    turn: u64,
    command: Vec<String>,
    slots: Arc<Mutex<BTreeMap<u32, Slot>>>,
    news: Arc<Notify>,
    clock: Clock,
}

impl Watch {
    async fn run(self) {
        let mut wait = Duration::ZERO;
        loop {
            let begun = self.clock.now();
            match self.spawn() {
                Ok(mut child) => {
                    if !self.note(|slot, now, at| {
                        (slot.pid, slot.since, slot.started) = (child.id(), now, Some(at))
                    }) {
                        return;
                    }
                    let status = child.wait().await;
                    if !self.note(|slot, _, _| (slot.pid, slot.exit) = (None, exit(status.ok()))) {
                        return;
                    }
                }
                Err(error) => tracing::warn!(command = self.command.first(), %error, "cannot be started"),
            }
            wait = match self.clock.now().saturating_sub(begun) >= FORGIVEN {
                true => Duration::ZERO,
                false => (wait * 2).max(Duration::from_secs(1)).min(LONGEST),
            };
            self.clock.sleep_until(self.clock.now() + wait).await;
            if !self.note(|slot, _, _| slot.restarts = slot.restarts.saturating_add(1)) {
                return;
            }
        }
    }

    /// Changes the slot; false when it is wanted no more, or somebody else's.
    fn note(&self, change: impl FnOnce(&mut Slot, Moment, Timestamp)) -> bool {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = slots.get_mut(&self.number).filter(|slot| slot.turn == self.turn) else {
            return false;
        };
        change(slot, self.clock.now(), self.clock.timestamp());
        self.news.notify_waiters();
        slot.wanted
    }

    fn spawn(&self) -> std::io::Result<Child> {
        let number = self.number.to_string();
        let mut words = self.command.iter().map(|word| word.replace("{number}", &number));
        let program = words.next().ok_or_else(|| std::io::Error::other("the command is empty"))?;
        Command::new(program)
            .args(words)
            .env("STATEX_NUMBER", &number)
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

/// A signal is told as a shell tells it, 128 above its number.
fn exit(status: Option<ExitStatus>) -> Option<Exit> {
    let status = status?;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal))?;
    Some(Exit { code, out_of_memory: false })
}

impl Executor for Processes {
    fn name(&self) -> &str {
        &self.name
    }

    fn abilities(&self) -> Abilities {
        Abilities { hook: self.hook.is_some(), restart: true, scale: true, asks: false }
    }

    fn patience(&self) -> Patience {
        self.patience
    }

    fn observe(&self) -> BoxFuture<'_, Result<Observed, ExecutorError>> {
        Box::pin(async { Ok(self.look()) })
    }

    fn carry_out<'a>(
        &'a self,
        step: &'a Step,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<String, ExecutorError>> {
        Box::pin(self.step(step))
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.news.notified())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(text: &str, hook: Option<Hook>) -> Processes {
        let patience = Patience { stop: Duration::from_secs(5), ..Patience::default() };
        let command = ["sh", "-c", text].map(str::to_owned).to_vec();
        Processes::new("api", command, patience, hook, Clock::machine())
    }

    /// Looks until it is so.
    async fn until(processes: &Processes, so: impl Fn(&Observed) -> bool) -> Observed {
        for _ in 0..400 {
            let observed = processes.look();
            if so(&observed) {
                return observed;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("it is still {:?}", processes.look());
    }

    fn step(make: impl Fn(String, String) -> Step) -> Step {
        make("1".into(), "api-1".into())
    }

    #[tokio::test]
    async fn a_process_that_ends_is_started_again_and_its_end_is_told() {
        let processes = shell("exit 3", None);
        processes.begin(1);
        let observed = until(&processes, |all| all.replicas.iter().any(|it| it.restarts >= 1)).await;
        assert_eq!(observed.replicas[0].exit, Some(Exit { code: 3, out_of_memory: false }));
    }

    #[tokio::test]
    async fn a_process_that_does_not_want_to_end_is_ended() {
        let processes = shell("trap '' TERM; while :; do sleep 0.1; done", None);
        processes.begin(2);
        until(&processes, |all| all.running().count() == 2).await;
        let grace = Duration::from_millis(300);
        let remove = step(|id, name| Step::Remove { id, name, grace });
        processes.carry_out(&remove, &Order::default()).await.unwrap();
        assert_eq!(processes.look().replicas.iter().map(|it| it.number).collect::<Vec<_>>(), [2]);
        let rest = Step::Remove { id: "2".into(), name: "api-2".into(), grace };
        processes.carry_out(&rest, &Order::default()).await.unwrap();
    }

    #[tokio::test]
    async fn a_restart_is_another_process_under_the_same_number() {
        let processes = shell("sleep 60", None);
        processes.begin(1);
        let pid = |processes: &Processes| processes.lock()[&1].pid;
        until(&processes, |all| all.running().count() == 1).await;
        let before = pid(&processes);
        let restart = step(|id, name| Step::Restart { id, name, grace: Duration::from_secs(1) });
        processes.carry_out(&restart, &Order::default()).await.unwrap();
        until(&processes, |all| all.running().count() == 1).await;
        assert!(pid(&processes).is_some() && pid(&processes) != before);
    }

    #[tokio::test]
    async fn a_hook_is_a_signal_to_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let ready = folder.path().join("ready");
        let text = format!("trap 'exit 7' USR1; : > {}; while :; do sleep 0.05; done", ready.display());
        let processes = shell(&text, Some(Hook::Signal("USR1".into())));
        processes.begin(1);
        until(&processes, |all| all.running().count() == 1 && ready.exists()).await;
        processes.carry_out(&step(|id, name| Step::Hook { id, name }), &Order::default()).await.unwrap();
        let observed = until(&processes, |all| all.replicas[0].exit.is_some()).await;
        assert_eq!(observed.replicas[0].exit.unwrap().code, 7);
    }

    #[tokio::test]
    async fn the_number_is_in_the_command() {
        let processes = shell("exit 1{number}", None);
        processes.begin(2);
        let observed = until(&processes, |all| all.replicas.iter().all(|it| it.exit.is_some())).await;
        assert_eq!(observed.replicas.iter().map(|it| it.exit.unwrap().code).collect::<Vec<_>>(), [11, 12]);
    }
}
