//! Palette images for large matrices: one byte a cell, where an SVG rectangle takes a hundred.
//!
//! PNG (ISO/IEC 15948) with stored, not compressed, blocks: no compressor is needed, and a matrix of noise would not
//! shrink much anyway.

/// The most bytes that a stored block of a deflate stream holds.
const STORED: usize = 65_535;

/// An image of rows of `width` palette entries as a `data:` URI; the last entry of the palette is clear.
pub fn data_uri(width: usize, pixels: &[u8], palette: &[[u8; 3]; 256]) -> String {
    format!("data:image/png;base64,{}", base64(&png(width, pixels, palette)))
}

fn png(width: usize, pixels: &[u8], palette: &[[u8; 3]; 256]) -> Vec<u8> {
    let side = |pixels: usize| u32::try_from(pixels).unwrap_or(0).to_be_bytes();
    let mut header = [side(width), side(pixels.len() / width.max(1))].concat();
    // Eight bits a pixel, palette, and the only methods that there are.
    header.extend([8, 3, 0, 0, 0]);
    // Each row starts with its filter: none.
    let rows: Vec<u8> = pixels.chunks_exact(width.max(1)).flat_map(|row| [&[0], row].concat()).collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut file, *b"IHDR", &header);
    chunk(&mut file, *b"PLTE", palette.as_flattened());
    let mut opacities = [255; 256];
    opacities[255] = 0;
    chunk(&mut file, *b"tRNS", &opacities);
    chunk(&mut file, *b"IDAT", &stored(&rows));
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], body: &[u8]) {
    file.extend(u32::try_from(body.len()).unwrap_or(0).to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(body);
    let sum = crc(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951).
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.len().div_ceil(STORED);
    for (i, block) in bytes.chunks(STORED).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(i + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(adler(bytes).to_be_bytes());
    stream
}

fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_digits_are_those_of_the_standards() {
        assert_eq!(crc(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(
            ["", "f", "fo", "foo", "foob"].map(|s| base64(s.as_bytes())),
            ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg=="]
        );
        let wide = png(3, &[0, 255, 1, 2, 3, 4], &[[0; 3]; 256]);
        assert_eq!(wide[16..24], [0, 0, 0, 3, 0, 0, 0, 2], "three wide and two high");
        assert!(wide.windows(4).any(|name| name == b"tRNS"));
        let bytes = vec![7; STORED + 1];
        assert_eq!(stored(&bytes).len(), 2 + 5 + STORED + 5 + 1 + 4);
    }
}
