//! Random bytes.

use aws_lc_rs::rand;

use super::private_key::KeyError;

/// Returns `N` random bytes.
///
/// # Errors
/// The provider cannot supply randomness.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| KeyError::Provider("make a random number"))?;
    Ok(bytes)
}
