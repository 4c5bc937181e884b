//! Whether a point lies on its curve (FIPS 186-4 appendix D.1.2). Nothing secret goes through here, so
//! time may depend on the numbers.

use super::public::KeyKind;

/// Prime and coefficient b of a curve y² = x³ − 3x + b; numbers are in words of 32 bits, the lowest
/// first.
type Curve = (&'static [u32], &'static [u32]);

const ONES: u32 = 0xffff_ffff;

const P224: Curve = (
    &[1, 0, 0, ONES, ONES, ONES, ONES],
    &[0x2355_ffb4, 0x270b_3943, 0xd7bf_d8ba, 0x5044_b0b7, 0xf541_3256, 0x0c04_b3ab, 0xb405_0a85],
);
const P256: Curve = (
    &[ONES, ONES, ONES, 0, 0, 0, 1, ONES],
    &[
        0x27d2_604b,
        0x3bce_3c3e,
        0xcc53_b0f6,
        0x651d_06b0,
        0x7698_86bc,
        0xb3eb_bd55,
        0xaa3a_93e7,
        0x5ac6_35d8,
    ],
);
const P384: Curve = (
    &[ONES, 0, 0, ONES, ONES - 1, ONES, ONES, ONES, ONES, ONES, ONES, ONES],
    &[
        0xd3ec_2aef,
        0x2a85_c8ed,
        0x8a2e_d19d,
        0xc656_398d,
        0x5013_875a,
        0x0314_088f,
        0xfe81_4112,
        0x181d_9c6e,
        0xe3f8_2d19,
        0x988e_056b,
        0xe23e_e7e4,
        0xb331_2fa7,
    ],
);
const P521: Curve = (
    &[
        ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES, ONES,
        ONES, 0x1ff,
    ],
    &[
        0x6b50_3f00,
        0xef45_1fd4,
        0x3d2c_34f1,
        0x3573_df88,
        0x3bb1_bf07,
        0x1652_c0bd,
        0xec7e_937b,
        0x5619_3951,
        0x8ef1_09e1,
        0xb8b4_8991,
        0x99b3_15f3,
        0xa2da_725b,
        0xb685_40ee,
        0x929a_21a0,
        0x8e1c_9a1f,
        0x953e_b961,
        0x0000_0051,
    ],
);

/// Whether this is an uncompressed point (SEC 1 section 2.3.3) on a curve of this kind.
pub(crate) fn is_on_curve(kind: &KeyKind, point: &[u8]) -> bool {
    let (bytes, (p, b)) = match kind {
        KeyKind::P224 => (28, P224),
        KeyKind::P256 => (32, P256),
        KeyKind::P384 => (48, P384),
        KeyKind::P521 => (66, P521),
        _ => return false,
    };
    let Some((4, coordinates)) = point.split_first() else { return false };
    if coordinates.len() != 2 * bytes {
        return false;
    }
    let (x, y) = coordinates.split_at(bytes);
    let (x, y) = (words(x), words(y));
    if !is_less(&x, p) || !is_less(&y, p) {
        return false;
    }
    let square = product(&x, &x, p);
    let thrice = sum(&sum(&x, &x, p), &x, p);
    sum(&product(&y, &y, p), &thrice, p) == sum(&product(&square, &x, p), b, p)
}

fn words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| chunk.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
    bytes.rchunks(4).map(word).collect()
}

/// Of two numbers of as many words.
fn is_less(a: &[u32], b: &[u32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

/// a + b modulo p, of numbers that are less than p.
fn sum(a: &[u32], b: &[u32], p: &[u32]) -> Vec<u32> {
    let mut carry = 0;
    let added = a.iter().zip(b).map(|(a, b)| {
        carry += u64::from(*a) + u64::from(*b);
        let word = carry as u32;
        carry >>= 32;
        word
    });
    let added: Vec<u32> = added.collect();
    if carry == 0 && is_less(&added, p) {
        return added;
    }
    let mut borrow = 0;
    let subtracted = added.iter().zip(p).map(|(a, p)| {
        borrow += i64::from(*a) - i64::from(*p);
        let word = borrow as u32;
        borrow >>= 32;
        word
    });
    subtracted.collect()
}

/// a · b modulo p, by doubling and adding.
fn product(a: &[u32], b: &[u32], p: &[u32]) -> Vec<u32> {
    let mut total = vec![0; p.len()];
    for word in a.iter().rev() {
        for bit in (0..32).rev() {
            total = sum(&total, &total, p);
            if word >> bit & 1 == 1 {
                total = sum(&total, b, p);
            }
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The base points of the curves (FIPS 186-4 appendix D.1.2).
    const POINTS: [(KeyKind, &str); 4] = [
        (
            KeyKind::P224,
            "04b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
        ),
        (
            KeyKind::P256,
            "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
        ),
        (
            KeyKind::P384,
            "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
        ),
        (
            KeyKind::P521,
            "0400c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650",
        ),
    ];

    #[test]
    fn base_points_are_on_their_curves_and_changed_ones_are_not() {
        for (kind, point) in POINTS {
            let bytes = (0..point.len()).step_by(2).map(|at| &point[at..at + 2]);
            let point: Vec<u8> = bytes.map(|b| u8::from_str_radix(b, 16).unwrap()).collect();
            assert!(is_on_curve(&kind, &point), "{kind}");
            for at in [0, 1, point.len() / 2, point.len() - 1] {
                let mut other = point.clone();
                other[at] ^= 1;
                assert!(!is_on_curve(&kind, &other), "{kind}, changed at {at}");
            }
            assert!(!is_on_curve(&kind, &point[..point.len() - 2]));
            assert!(!is_on_curve(&KeyKind::Ed25519, &point));
            // Not less than the prime.
            let mut large = vec![0xff; point.len()];
            large[0] = 4;
            assert!(!is_on_curve(&kind, &large));
        }
    }
}
