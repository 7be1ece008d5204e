//! Running other programs: echoes each command line, and an error says which one failed and how.

use crate::workspace;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// A command in the repository's root.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    command
}

/// The cargo that started xtask, so that the host side has one compiler whatever else is on the path.
pub(crate) fn cargo(subcommand: &str) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(subcommand);
    cargo
}

/// A command that runs as root: as it is for root, by `sudo` for others.
pub(crate) fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.arg("--").arg(program);
    sudo
}

/// Whether this process has root's user id.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The same command, ended when it takes longer than `limit`.
pub(crate) fn within(limit: Duration, command: &Command) -> Command {
    let mut timed = Command::new("timeout");
    timed
        .args(["--foreground", "--kill-after=10"])
        .arg(limit.as_secs_f64().to_string())
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        timed.current_dir(dir);
    }
    timed
}

/// Runs a command whose output is for the person who watches.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    echo(command);
    let status = command.status().with_context(|| cannot_start(command))?;
    succeeded(command, status)
}

/// Runs a command, hands each line of its standard output to `line`, and shows it as well.
pub(crate) fn run_reading(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    echo(command);
    let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let stdout = child.stdout.take().expect("stdout was asked to be a pipe");
    for text in BufReader::new(stdout).split(b'\n') {
        let text = text.with_context(|| format!("cannot read the output of `{}`", show(command)))?;
        let text = String::from_utf8_lossy(&text);
        println!("{text}");
        line(&text);
    }
    let status = child.wait().with_context(|| cannot_start(command))?;
    succeeded(command, status)
}

/// Becomes the command: its exit code is ours, and signals reach it alone. Returns only when it cannot start.
pub(crate) fn replace_with(command: &mut Command) -> anyhow::Error {
    echo(command);
    anyhow::Error::new(command.exec()).context(cannot_start(command))
}

/// Runs a command quietly and returns what it printed; an error carries what it complained of.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!("`{}`: {}\n{}", show(command), output.status, complaint.trim_end());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The path of a program, also one in a directory that only root's search path has.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Says what is about to run.
pub(crate) fn echo(command: &Command) {
    let (dim, plain) = match std::io::stderr().is_terminal() {
        true => ("\x1b[2m", "\x1b[0m"),
        false => ("", ""),
    };
    eprintln!("{dim}$ {}{plain}", show(command));
}

/// The command as one would type it: the variables it sets, the program, its arguments.
pub(crate) fn show(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        value.map(|value| format!("{}={}", name.display(), quote(&value.to_string_lossy())))
    });
    let program = command.get_program().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    set.chain([program].into_iter().chain(arguments).map(|word| quote(&word))).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%~".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn cannot_start(command: &Command) -> String {
    format!("cannot run `{}`", show(command))
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    match status.code() {
        Some(0) => Ok(()),
        Some(124) if command.get_program() == "timeout" => {
            bail!("took too long: `{}`", show(command))
        }
        _ => bail!("`{}`: {status}", show(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_commands_can_be_typed_again() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'a b'"]).env("RUSTFLAGS", "-C x");
        assert_eq!(show(&command), r"RUSTFLAGS='-C x' sh -c 'echo '\''a b'\'''");
    }

    #[test]
    fn failure_names_the_command_and_its_status() {
        let error = run(&mut command("false")).expect_err("false fails");
        assert_eq!(error.to_string(), "`false`: exit status: 1");
    }

    #[test]
    fn slow_command_is_ended() {
        let mut sleep = command("sleep");
        sleep.arg("60");
        let error = run(&mut within(Duration::from_millis(50), &sleep)).expect_err("the limit is shorter");
        assert!(error.to_string().starts_with("took too long"), "{error}");
    }
}
