//! All packet specs on the host.

use libtest_mimic::{Arguments, Failed, Trial};
use statex_tests::harness::Host;
use statex_tests::specs;

fn main() {
    let trials = specs::all().into_iter().map(|(topic, spec)| {
        let name = format!("{topic}: {}", spec.name);
        Trial::test(name, move || specs::run(&spec, &mut Host::default()).map_err(Failed::from))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}
