//! All packet specs in the kernel, by `BPF_PROG_TEST_RUN`. Needs root.

use std::cell::RefCell;

use libtest_mimic::{Arguments, Failed, Trial};
use statex_tests::harness::Kernels;
use statex_tests::specs;

fn main() {
    let mut arguments = Arguments::from_args();
    // Counters are per CPU and objects are loaded once: all specs run on this thread.
    arguments.test_threads = Some(1);

    let of_kernel = specs::all().into_iter().filter(|(_, spec)| !spec.host_only);
    let trials = of_kernel.map(|(topic, spec)| {
        let name = format!("{topic}: {}", spec.name);
        Trial::test(name, || in_kernel(spec))
    });
    libtest_mimic::run(&arguments, trials.collect()).exit();
}

thread_local! {
    static KERNELS: RefCell<Kernels> = RefCell::default();
}

fn in_kernel(spec: specs::Spec) -> Result<(), Failed> {
    KERNELS.with_borrow_mut(|kernels| {
        let kernel = kernels.with(&spec.world.tables())?;
        specs::run(&spec, kernel).map_err(Failed::from)
    })
}
