//! Instructions that the compiler does not offer for this target.

use core::arch::asm;
use statex_common::shared::Shared;

/// Puts `new` into a word that still holds `old`, as one step; whether it did.
#[inline(always)]
pub(crate) fn exchange(word: &Shared<u64>, old: u64, new: u64) -> bool {
    let found: u64;
    // SAFETY: the word is live, aligned and writable; `cmpxchg_64` compares with and returns in r0.
    unsafe {
        asm!(
            "r0 = cmpxchg_64({word} + 0, r0, {new})",
            word = in(reg) word.as_ptr(),
            new = in(reg) new,
            inlateout("r0") old => found,
        );
    }
    found == old
}

/// The same number, about which the compiler knows nothing.
#[inline(always)]
pub(crate) fn opaque(mut number: u64) -> u64 {
    // SAFETY: a register is moved to itself. (Without any instruction, line information breaks.)
    unsafe { asm!("{number} = {number}", number = inlateout(reg) number, options(pure, nomem, nostack)) };
    number
}

/// Two words of a context, at these places, that the verifier makes 64-bit pointers of.
///
/// They are declared 32 bits wide; the compiler, which does not know better, would narrow and widen them
/// and so spoil them.
#[inline(always)]
pub(crate) fn words_at<const FIRST: i32, const SECOND: i32, C>(ctx: *mut C) -> (usize, usize) {
    let (first, second): (usize, usize);
    // SAFETY: reads two words of a live context.
    unsafe {
        asm!(
            "{first} = *(u32 *)({ctx} + {FIRST})",
            "{second} = *(u32 *)({ctx} + {SECOND})",
            ctx = in(reg) ctx,
            first = out(reg) first,
            second = lateout(reg) second,
            FIRST = const FIRST,
            SECOND = const SECOND,
        );
    }
    (first, second)
}
