//! All packet specs in the kernel, as the first process of a virtual machine that has nothing else.
//!
//! Linked statically and packed as `/init`, it prints what the verifier and the specs say on the console and
//! powers the machine off.
#![expect(clippy::print_stdout, reason = "the console is where the result is read")]

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use statex_tests::doubles::World;
use statex_tests::harness::{Kernels, verifier_instructions};
use statex_tests::specs;

fn main() {
    for (kind, place) in [("proc", "/proc"), ("sysfs", "/sys"), ("bpf", "/sys/fs/bpf")] {
        if let Err(error) = mounted(kind, place) {
            println!("error: {place} cannot be mounted: {error}");
        }
    }
    match verifier_instructions(&World::new().tables()) {
        Ok(programs) => {
            programs.iter().for_each(|(name, count)| println!("verifier: {name} {count} instructions"))
        }
        Err(error) => println!("verifier: {error:#}"),
    }
    run_specs();
    if std::process::id() == 1 {
        let refused = reboot(RebootMode::RB_POWER_OFF);
        println!("error: the machine cannot be powered off: {refused:?}");
    }
}

fn mounted(kind: &str, place: &str) -> anyhow::Result<()> {
    if std::process::id() != 1 {
        return Ok(());
    }
    std::fs::create_dir_all(place)?;
    Ok(mount(Some(kind), place, Some(kind), MsFlags::empty(), None::<&str>)?)
}

fn run_specs() {
    let mut kernels = Kernels::default();
    let (mut passed, mut failed) = (0, 0);
    for (topic, spec) in specs::all() {
        if spec.host_only {
            continue;
        }
        match specs::run_in_kernel(&spec, &mut kernels) {
            Ok(()) => passed += 1,
            Err(text) => {
                failed += 1;
                println!("FAILED {topic}: {}\n{text}", spec.name);
            }
        }
    }
    println!("specs: {passed} passed, {failed} failed");
}
