//! Loads the embedded object: sizes its maps, writes its constants, takes over what is pinned.

use std::collections::BTreeMap;

use aya::{
    Ebpf, EbpfError, EbpfLoader, VerifierLogLevel,
    maps::MapError,
    pin::PinError,
    programs::{ProgramError, SchedClassifier, Xdp},
};
use statex_common::abi::names;

use super::{
    object::OBJECT,
    pin::{Layout, Pins},
    shape::Shape,
};

/// Why the object could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the embedded eBPF object cannot be read: {0}")]
    Parse(#[from] aya_obj::ParseError),
    #[error("the embedded eBPF object has no map {0}")]
    NoMap(&'static str),
    #[error("map {0} is laid out in another way than this binary expects; run `statex unload`")]
    Layout(&'static str),
    #[error("the embedded eBPF object has no program {0}")]
    NoProgram(&'static str),
    #[error(
        "the kernel refused program {program}: {error}; it is not among those that are tested (STATEX_LOG=debug \
         shows what its verifier says)"
    )]
    Verifier { program: &'static str, error: std::io::Error },
    #[error(transparent)]
    Object(#[from] EbpfError),
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("the pins cannot be read: {0}")]
    Pins(#[from] std::io::Error),
}

/// Creates the maps, or takes them over from the pins where they fit. No program is loaded yet.
///
/// # Errors
///
/// See [`LoadError`].
pub fn open(shape: &Shape, pins: Option<&Pins>) -> Result<Ebpf, LoadError> {
    let mut loader = EbpfLoader::new();
    loader.override_global(names::NODE, &shape.node, true);
    // What the verifier saw fills megabytes and takes minutes; it is for those who ask for it.
    if !tracing::enabled!(tracing::Level::DEBUG) {
        loader.verifier_log_level(VerifierLogLevel::DISABLE);
    }
    for (map, rows) in &shape.sizes {
        loader.map_max_entries(map, *rows);
    }
    let places = match pins {
        Some(pins) => pins.places(&layouts(shape)?, &shape.node)?,
        None => BTreeMap::new(),
    };
    for (map, place) in &places {
        loader.map_pin_path(map, place.as_path());
    }
    let object = loader.load(OBJECT)?;
    if let Some(pins) = pins {
        pins.put_node(&shape.node)?;
    }
    Ok(object)
}

/// Sizes that the maps of the object will have.
fn layouts(shape: &Shape) -> Result<BTreeMap<String, Layout>, LoadError> {
    let object = aya_obj::Object::parse(OBJECT)?;
    let layout = |(name, map): (String, aya_obj::Map)| {
        let sized = shape.sizes.iter().find(|(sized, _)| *sized == name);
        let layout = Layout {
            key_size: map.key_size(),
            value_size: map.value_size(),
            max_entries: sized.map_or(map.max_entries(), |(_, rows)| *rows),
        };
        (name, layout)
    };
    Ok(object.maps.into_iter().map(layout).collect())
}

/// Hands an XDP program to the kernel.
///
/// # Errors
///
/// It is not there, or the verifier refused it.
pub fn xdp<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, LoadError> {
    let program = loaded_xdp(object, name)?;
    program.load().map_err(|error| refused(name, error))?;
    Ok(program)
}

/// The XDP program that [`xdp`] has handed to the kernel.
///
/// # Errors
///
/// It is not there.
pub fn loaded_xdp<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, LoadError> {
    let program = object.program_mut(name).ok_or(LoadError::NoProgram(name))?;
    Ok(program.try_into()?)
}

/// Hands a tc program to the kernel.
///
/// # Errors
///
/// It is not there, or the verifier refused it.
pub fn classifier<'a>(
    object: &'a mut Ebpf,
    name: &'static str,
) -> Result<&'a mut SchedClassifier, LoadError> {
    let program = object.program_mut(name).ok_or(LoadError::NoProgram(name))?;
    let program: &mut SchedClassifier = program.try_into()?;
    program.load().map_err(|error| refused(name, error))?;
    Ok(program)
}

fn refused(program: &'static str, error: ProgramError) -> LoadError {
    match error {
        ProgramError::LoadError { io_error, verifier_log } => {
            tracing::debug!(program, %verifier_log, "verifier");
            LoadError::Verifier { program, error: io_error }
        }
        other => other.into(),
    }
}
