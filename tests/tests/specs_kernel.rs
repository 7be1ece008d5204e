//! All packet specs in the kernel, by `BPF_PROG_TEST_RUN`. Needs root.

use std::cell::RefCell;

use libtest_mimic::{Arguments, Failed, Trial};
use statex_tests::doubles::World;
use statex_tests::harness::{Kernels, verifier_instructions};
use statex_tests::specs;

/// The kernel's limit is a million; what is near it may pass on one kernel and not on the next.
const VERIFIER_BOUND: u32 = 60_000;

fn main() {
    let mut arguments = Arguments::from_args();
    // Counters are per CPU and objects are loaded once: all specs run on this thread.
    arguments.test_threads = Some(1);

    let of_kernel = specs::all().into_iter().filter(|(_, spec)| !spec.host_only);
    let trials = of_kernel.map(|(topic, spec)| {
        let name = format!("{topic}: {}", spec.name);
        Trial::test(name, || in_kernel(spec))
    });
    let bound = Trial::test("the verifier has little to look at", verifier_is_within_its_bound);
    libtest_mimic::run(&arguments, trials.chain([bound]).collect()).exit();
}

fn verifier_is_within_its_bound() -> Result<(), Failed> {
    for (program, instructions) in verifier_instructions(&World::new().tables())? {
        if instructions > VERIFIER_BOUND {
            return Err(format!("{program}: {instructions} instructions, not {VERIFIER_BOUND}").into());
        }
    }
    Ok(())
}

thread_local! {
    static KERNELS: RefCell<Kernels> = RefCell::default();
}

fn in_kernel(spec: specs::Spec) -> Result<(), Failed> {
    KERNELS.with_borrow_mut(|kernels| specs::run_in_kernel(&spec, kernels).map_err(Failed::from))
}
