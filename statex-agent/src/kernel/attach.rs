//! Hangs an XDP program on an interface by a link, and puts a newer program into a link that is there.

use std::{io, path::Path, time::Duration};

use aya::{
    programs::{
        ProgramError, Xdp, XdpMode,
        links::{FdLink, LinkError, PinnedLink},
        xdp::XdpLink,
    },
    sys::SyscallError,
};

use super::{
    links::{Attached, Link},
    load::LoadError,
};
use crate::config::Attach;

/// Patience with a kernel that takes a program off: looks, and the time between two.
const DETACH_LOOKS: u32 = 200;
const DETACH_WAIT: Duration = Duration::from_millis(5);

/// Why an interface did not get the program.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    #[error(
        "{interface} has another XDP program already (id {program}): stop what attached it \
         (`bpftool net` shows it)"
    )]
    Taken { interface: String, program: u32 },
    #[error(
        "{interface} cannot run XDP in its driver ({error}); set attach = \"generic\" or \"auto\", or \
         lower its MTU"
    )]
    NoNative { interface: String, error: io::Error },
    #[error("{interface} refused the XDP program: {error}")]
    Refused { interface: String, error: ProgramError },
    #[error("{interface}: the kernel has no XDP links; 5.9 or newer is needed")]
    NoLinks { interface: String },
    #[error("{interface}: the link cannot be pinned: {error}")]
    Pin { interface: String, error: String },
}

/// Attaches by a new link.
///
/// # Errors
///
/// See [`AttachError`].
pub fn attach(program: &mut Xdp, link: &Link, mode: Attach) -> Result<FdLink, AttachError> {
    let result = match mode {
        Attach::Native => attach_in(program, link, XdpMode::Driver),
        Attach::Generic => attach_in(program, link, XdpMode::Skb),
        Attach::Auto => attach_in(program, link, XdpMode::Driver).or_else(|error| match error {
            AttachError::NoNative { error, .. } => {
                tracing::info!(interface = link.name, %error, "no XDP in the driver: generic instead");
                attach_in(program, link, XdpMode::Skb)
            }
            other => Err(other),
        }),
    };
    match (result, link.xdp) {
        (Err(AttachError::Refused { interface, .. }), Some((program, _))) => {
            Err(AttachError::Taken { interface, program })
        }
        (result, _) => result,
    }
}

fn attach_in(program: &mut Xdp, link: &Link, mode: XdpMode) -> Result<FdLink, AttachError> {
    let interface = link.name.clone();
    let attached = program
        .attach_to_if_index(link.index, mode)
        .and_then(|id| program.take_link(id))
        .map_err(|error| refused(interface.clone(), mode, error))?;
    attached.try_into().map_err(|_| AttachError::NoLinks { interface })
}

fn refused(interface: String, mode: XdpMode, error: ProgramError) -> AttachError {
    match error {
        ProgramError::SyscallError(SyscallError { io_error, .. })
            if mode == XdpMode::Driver && is_about_driver(&io_error) =>
        {
            AttachError::NoNative { interface, error: io_error }
        }
        ProgramError::XdpError(error) if mode == XdpMode::Driver => {
            AttachError::NoNative { interface, error: io::Error::other(error) }
        }
        error => AttachError::Refused { interface, error },
    }
}

/// Drivers answer so when they have no XDP, or none for this MTU, queue count or offload.
fn is_about_driver(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EOPNOTSUPP | libc::ERANGE | libc::EINVAL | libc::ENOSPC | libc::ENOMEM)
    )
}

/// Attaches and pins; a link that is pinned there gets the program in place of the one it has, with no packet between
/// them unseen. A link of another mode than wanted, or of an interface that is gone, is made anew.
///
/// # Errors
///
/// See [`AttachError`].
pub fn attach_pinned(
    program: &mut Xdp,
    link: &Link,
    mode: Attach,
    pin: &Path,
) -> Result<FdLink, AttachError> {
    let fits = match (mode, link.xdp) {
        (_, None) => false,
        (Attach::Auto, Some(_)) => true,
        (Attach::Native, Some((_, attached))) => attached != Attached::Generic,
        (Attach::Generic, Some((_, attached))) => attached == Attached::Generic,
    };
    match PinnedLink::from_pin(pin) {
        Ok(pinned) if fits => match replace(program, pinned) {
            Ok(link) => return Ok(link),
            Err(error) => {
                tracing::warn!(interface = link.name, %error, "the pinned link is of no use; attaching anew");
            }
        },
        Ok(_) => {}
        Err(LinkError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => {
            return attach_and_pin(program, link, mode, pin);
        }
        Err(error) => {
            tracing::warn!(interface = link.name, %error, "the pinned link cannot be opened; attaching anew");
        }
    }
    unpin(pin).map_err(|error| pin_error(link, error))?;
    // The kernel takes the old program off a little after its link has gone.
    let free = Link { xdp: None, ..link.clone() };
    for _ in 0..DETACH_LOOKS {
        match attach_and_pin(program, &free, mode, pin) {
            Err(AttachError::Refused { .. }) => std::thread::sleep(DETACH_WAIT),
            done => return done,
        }
    }
    attach_and_pin(program, link, mode, pin)
}

fn attach_and_pin(program: &mut Xdp, link: &Link, mode: Attach, pin: &Path) -> Result<FdLink, AttachError> {
    let held = attach(program, link, mode)?;
    let pinned = held.pin(pin).map_err(|error| pin_error(link, error))?;
    Ok(pinned.into())
}

fn pin_error(link: &Link, error: impl std::fmt::Display) -> AttachError {
    AttachError::Pin { interface: link.name.clone(), error: error.to_string() }
}

fn replace(program: &mut Xdp, pinned: PinnedLink) -> Result<FdLink, LoadError> {
    let link: XdpLink = FdLink::from(pinned)
        .try_into()
        .map_err(|error: LinkError| LoadError::Pins(io::Error::other(error)))?;
    let id = program.attach_to_link(link)?;
    let link = program.take_link(id)?;
    link.try_into().map_err(|error: LinkError| LoadError::Pins(io::Error::other(error)))
}

/// Forgets a pinned link, which detaches its program unless somebody holds the link.
pub fn unpin(pin: &Path) -> io::Result<()> {
    match std::fs::remove_file(pin) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}
