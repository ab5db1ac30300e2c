//! Finds JPEG files that break off: the decoder fills what is missing with grey and reports success.

/// Whether the marker segments and scans of a JPEG lead up to its end-of-image marker.
///
/// Walks the markers (ITU-T T.81, B.1) without decoding: a segment is skipped by its length, so that an end marker
/// inside an embedded thumbnail does not count; in entropy-coded data a 0xFF is either stuffed (0xFF00), a restart
/// marker, or the next real marker.
pub(in crate::image) fn reaches_end(bytes: &[u8]) -> bool {
    let mut at = 2; // after the start-of-image marker
    while let Some(&[lead, marker]) = bytes.get(at..at + 2) {
        at += match (lead, marker) {
            (0xff, 0xd9) => return true,
            // Stuffed byte, temporary marker and restart markers carry no length.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd7) => 2,
            // 0xFF may be repeated as filling before a marker.
            (0xff, 0xff) => 1,
            (0xff, _) => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => 2 + usize::from(u16::from_be_bytes([high, low])),
                _ => return false,
            },
            _ => 1,
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        // SOI, APP1 of length 6 that contains FFD9, SOS of length 2, one coded byte.
        let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd9, 0, 0, 0xff, 0xda, 0, 2, 0x55];
        assert!(!reaches_end(&jpeg));
        jpeg.extend([0xff, 0x00, 0xff, 0xd0, 0xff, 0xff, 0xd9]);
        assert!(reaches_end(&jpeg), "stuffing, restart and fill bytes come before the end marker");
    }
}
