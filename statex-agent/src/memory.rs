//! Keeps the agent small: what it needed for a moment goes back to the kernel.
#![allow(unsafe_code)] // the allocator is told by a C function

/// Makes the C library's allocator return large pieces when they are freed.
///
/// Its defaults learn from the large pieces of the start (the object, the tables as they were found) that such pieces
/// come often, and keep them: half of the agent's memory would be such leftovers. Call it before threads are started.
pub fn return_what_is_freed() {
    #[cfg(target_env = "gnu")]
    for (parameter, value) in
        [(libc::M_MMAP_THRESHOLD, 64 * 1024), (libc::M_TRIM_THRESHOLD, 128 * 1024), (libc::M_ARENA_MAX, 2)]
    {
        // SAFETY: the function takes two numbers; an unknown parameter is answered with 0.
        if unsafe { libc::mallopt(parameter, value) } == 0 {
            tracing::debug!(parameter, "the allocator keeps its default");
        }
    }
}
