//! The secret with which a client of the X window system proves itself: it goes on, and is not recorded.

/// Bytes before the name of how it proves itself (X protocol, "Connection Setup").
const FIXED_BYTES: usize = 12;

/// Where the secret stands in what such a client sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cookie {
    fixed: [u8; FIXED_BYTES],
    /// Bytes that came.
    came: usize,
}

impl Cookie {
    /// What is recorded of the next bytes: as many, the secret's as asterisks. `None`: they as they are, behind the secret.
    pub(crate) fn hide(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.came >= FIXED_BYTES && self.is_past() {
            return None;
        }
        let mut recorded = bytes.to_vec();
        for byte in &mut recorded {
            if let Some(place) = self.fixed.get_mut(self.came) {
                *place = *byte;
            } else if self.is_secret() {
                *byte = b'*';
            } else if self.is_past() {
                break;
            }
            self.came += 1;
        }
        Some(recorded)
    }

    /// Where the secret begins and ends. Whoever names no order of bytes is taken by the one that hides more.
    fn place(&self) -> (usize, usize) {
        let [order, _, _, _, _, _, n0, n1, d0, d1, _, _] = self.fixed;
        let (big, little) = (
            (u16::from_be_bytes([n0, n1]), u16::from_be_bytes([d0, d1])),
            (u16::from_le_bytes([n0, n1]), u16::from_le_bytes([d0, d1])),
        );
        let padded = |length: u16| usize::from(length).next_multiple_of(4);
        let place = |(name, secret): (u16, u16)| {
            let begins = FIXED_BYTES + padded(name);
            (begins, begins + usize::from(secret))
        };
        match order {
            b'B' => place(big),
            b'l' => place(little),
            _ => (FIXED_BYTES, place(big).1.max(place(little).1)),
        }
    }

    fn is_secret(&self) -> bool {
        let (begins, ends) = self.place();
        (begins..ends).contains(&self.came)
    }

    fn is_past(&self) -> bool {
        self.came >= self.place().1
    }
}

#[cfg(test)]
mod tests {
    use super::Cookie;

    fn setup(order: u8) -> Vec<u8> {
        let number = |value: u16| match order {
            b'B' => value.to_be_bytes(),
            _ => value.to_le_bytes(),
        };
        let mut setup = vec![order, 0];
        for value in [11, 0, 18, 16, 0] {
            setup.extend(number(value));
        }
        setup.extend(b"MIT-MAGIC-COOKIE-1\0\0");
        setup.extend(b"0123456789abcdef");
        setup.extend(b"and what follows 0123456789abcdef");
        setup
    }

    #[test]
    fn the_secret_is_hidden_however_it_comes() {
        for order in [b'B', b'l'] {
            let setup = setup(order);
            for step in [1, 3, 12, 13, 40, 100] {
                let mut cookie = Cookie::default();
                let recorded: Vec<u8> = setup
                    .chunks(step)
                    .flat_map(|part| cookie.hide(part).unwrap_or_else(|| part.to_vec()))
                    .collect();
                let text = String::from_utf8_lossy(&recorded);
                assert!(
                    text.ends_with("****************and what follows 0123456789abcdef")
                        && text.contains("MIT-MAGIC-COOKIE-1"),
                    "{step}: {text}"
                );
                assert_eq!(recorded.len(), setup.len());
            }
        }
    }

    #[test]
    fn what_is_no_setup_hides_rather_more() {
        let mut setup = setup(b'l');
        if let Some(order) = setup.first_mut() {
            *order = b'x';
        }
        let recorded = Cookie::default().hide(&setup).unwrap();
        assert!(!String::from_utf8_lossy(&recorded).contains("0123456789abcdef"));
    }
}
