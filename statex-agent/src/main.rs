//! The binary `statex`.

fn main() -> std::process::ExitCode {
    statex_agent::cli::main()
}
