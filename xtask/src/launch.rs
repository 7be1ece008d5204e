//! Building a program of `statex-tests`, with the agent that it drives, and becoming it.

use crate::setup::{self, Consent, Need};
use crate::{build_ebpf, exec, workspace};
use anyhow::{Result, bail};
use std::ffi::OsString;

/// What is passed on to the program.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<OsString>,
}

/// How a program is built: quickly, or to be fast.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

/// Sets up, builds, and turns into `program`, as root; its exit code and Ctrl-C are its own from there on.
pub(crate) fn launch(
    program: &str,
    args: Args,
    profile: Profile,
    needs: &[Need],
    consent: Consent,
) -> Result<()> {
    if !workspace::has_program(program)? {
        bail!("the package statex-tests has no program `{program}`");
    }
    setup::ensure(&[needs, &[Need::Ebpf]].concat(), consent)?;
    build_ebpf::run(consent)?;
    let mut build = exec::cargo("build");
    // The programs start `statex` on nodes and backends, and `lab` as the origins, by their paths.
    build.args(["--workspace", "--bin", program, "--bin=lab", "--bin=statex"]);
    let dir = match profile {
        Profile::Debug => "target/debug",
        Profile::Release => {
            build.arg("--release");
            "target/release"
        }
    };
    exec::run(&mut build)?;
    let program = workspace::root().join(dir).join(program);
    Err(exec::replace_with(exec::as_root(program).args(args.rest)))
}
