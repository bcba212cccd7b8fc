//! What must be found, and exactly where.

use custos_masking::{Detector, Detectors, MaskError};

use crate::world::all;

/// In each text, what stands between `«` and `»` is found, and nothing else.
const FOUND: &[(Detector, &[&str])] = &[
    (
        Detector::PaymentCard,
        &[
            "«4111111111111111»",
            "pan=«4111 1111 1111 1111», exp 12/27",
            "«4111-1111-1111-1111»",
            "«4111.1111.1111.1111»",
            "«4111\u{a0}1111\u{a0}1111\u{a0}1111»",
            "card_«5555555555554444»_end",
            "«5105 1051 0510 5100».",
            "«2223003122003222»",
            "amex «3782 822463 10005» and «371449635398431»",
            "«6011111111111117» «3530111333300000» «30569309025904» «3056 930902 5904»",
            "«6200000000000005»",
            "«4222222222222»",
            "«6304000000000000»",
            "on 2024 «4111 1111 1111 1111»",
        ],
    ),
    (
        Detector::SocialSecurity,
        &["«123-45-6789»", "ssn: «536 22 1234»;", "(«001-01-0001»)"],
    ),
    (
        Detector::Iban,
        &[
            "«DE89370400440532013000»",
            "IBAN «GB82 WEST 1234 5698 7654 32», BIC",
            "«FR1420041010050500013M02606»",
            "«NO9386011117947»",
            "«nl91abna0417164300»",
            "«MT84MALT011000012345MTLCAST001S»",
            "«CH93-0076-2011-6238-5295-7»",
            "«XK051212012345678906»",
        ],
    ),
    (
        Detector::Email,
        &[
            "«alice@example.com»",
            "Alice <«alice.b+tag@mail.example.co.uk»>, bob",
            "write to «bob@example.org».",
            "«o'neil@example.com»",
            "«ålice@exämple.se»",
            "mailto:«alice@example.xn--p1ai»?x",
            "a=1&email=«alice_b%c@example.com»&b",
            "postgres://app:«pw@db.example.com»/shop",
        ],
    ),
    (
        Detector::Phone,
        &[
            "«+14155552671»",
            "tel: «+1 (415) 555-2671»",
            "«+49 30 1234567», «+44 20 7946 0958»",
            "«(415) 555-2671» or «(415)555-2671»",
            "«415-555-2671» «415.555.2671» «1-415-555-2671»",
            "«01 42 68 53 00», «06.12.34.56.78»",
            "«07700 900123», «020 7946 0958», «0161 496 0000»",
        ],
    ),
    (
        Detector::IpAddress,
        &[
            "«192.168.1.10»",
            "from «10.0.0.1»:5432 to «172.16.254.1».",
            "«203.0.113.0»/24",
            "[«2001:db8::ff00:42:8329»]:443",
            "«2001:0db8:85a3:0000:0000:8a2e:0370:7334»",
            "at «fe80::1», then «::ffff:192.0.2.128»",
        ],
    ),
    (
        Detector::JsonWebToken,
        &[
            "Bearer «eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U»;",
            "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0»",
            "«eyJhbGciOiJIUzI1NiJ9.eyJzdWIi» is cut off",
            "at the end «eyJhbGciOiJIUzI1NiJ9.eyJzdWIi»",
            "«eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ»",
        ],
    ),
    (
        Detector::PrivateKey,
        &[
            "x «-----BEGIN PRIVATE KEY-----\nMIIEvQ+/=\n-----END PRIVATE KEY-----»\ny",
            "«-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\nMIIE\n-----END RSA PRIVATE KEY-----»",
            "«-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----»",
            "«-----BEGIN EC PRIVATE KEY-----\ncut off»",
            "«-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQ\n-----END PGP PRIVATE KEY BLOCK-----»",
            "«---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nP2/\n---- END SSH2 ENCRYPTED PRIVATE KEY ----»\n",
        ],
    ),
    (
        Detector::CloudKey,
        &[
            "«AKIAIOSFODNN7EXAMPLE»",
            "aws_secret_access_key = \"«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»\"",
            "secretAccessKey: '«wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»'",
            "key=«AIzaSyA1234567890abcdefghijklmnopqrstuv»",
            "«GOCSPX-abcdefghijklmnopqrstuvwxyz12»",
            "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=«Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==»;End",
            "«abc8Q~defghijklmnopqrstuvwxyz0123456789ab»",
            "«ghp_abcdefghijklmnopqrstuvwxyz0123456789»",
            "«github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789»",
            "«xoxb-123456789012-abcdefABCDEF»",
            "https://«hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX»",
            "«sk_live_4eC39HqLyjWDarjtT1zdp7dc»",
            "«whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw»",
        ],
    ),
];

fn split(marked: &str) -> (String, Vec<(u64, u64)>) {
    let (mut text, mut ranges, mut start) = (String::new(), Vec::new(), 0);
    for letter in marked.chars() {
        match letter {
            '«' => start = text.len() as u64,
            '»' => ranges.push((start, text.len() as u64)),
            _ => text.push(letter),
        }
    }
    (text, ranges)
}

#[test]
fn each_is_found_where_it_is_and_named() {
    let detectors = all();
    let mut problems = Vec::new();
    for (detector, texts) in FOUND {
        for marked in *texts {
            let (text, expected) = split(marked);
            let found = detectors.find(text.as_bytes());
            let range = |one: &custos_masking::Finding| (one.range.start, one.range.end);
            let ranges: Vec<(u64, u64)> = found.iter().map(range).collect();
            let named = found.iter().all(|one| one.detector == *detector);
            if ranges != expected || !named {
                problems.push(format!("{marked}: {found:?}"));
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn a_detector_that_is_not_asked_finds_nothing() {
    for (detector, texts) in FOUND {
        let others: Vec<Detector> = Detector::BUILT_IN
            .into_iter()
            .filter(|other| other != detector)
            .collect();
        let detectors = Detectors::new(&others).unwrap();
        for marked in *texts {
            let found = detectors.find(split(marked).0.as_bytes());
            assert!(
                found.iter().all(|one| one.detector != *detector),
                "{marked}"
            );
        }
    }
}

/// A wrong check digit is enough to be something else.
#[test]
fn changed_digits_are_not_found() {
    let detectors = Detectors::new(&[Detector::PaymentCard, Detector::Iban]).unwrap();
    for good in [
        "4111111111111111",
        "DE89370400440532013000",
        "FR1420041010050500013M02606",
    ] {
        assert_eq!(detectors.find(good.as_bytes()).len(), 1);
        for place in 4..good.len() {
            let mut bad = good.as_bytes().to_vec();
            if bad[place].is_ascii_digit() {
                bad[place] = b'0' + (bad[place] - b'0' + 1) % 10;
                assert!(
                    detectors.find(&bad).is_empty(),
                    "{}",
                    String::from_utf8_lossy(&bad)
                );
            }
        }
    }
}

#[test]
fn patterns_of_ones_own_are_found_by_number() {
    let detectors = Detectors::new(&[])
        .unwrap()
        .with_pattern(r"\bEMP-\d{6}\b")
        .and_then(|detectors| detectors.with_pattern(r"(?i)project [a-z]{3,12}"))
        .unwrap();
    let found = detectors.find(b"EMP-123456 of Project Falcon, EMP-1234567");
    let named: Vec<(Detector, u64, u64)> = found
        .iter()
        .map(|one| (one.detector, one.range.start, one.range.end))
        .collect();
    assert_eq!(
        named,
        [(Detector::Custom(0), 0, 10), (Detector::Custom(1), 14, 28)]
    );
}

#[test]
fn patterns_without_bound_are_refused() {
    let none = Detectors::new(&[]).unwrap();
    let refused = |pattern: &str| none.clone().with_pattern(pattern).unwrap_err();
    assert!(matches!(refused("("), MaskError::PatternSyntax(_)));
    assert_eq!(refused("a*"), MaskError::PatternMatchesNothing);
    assert_eq!(refused("a{0,3}"), MaskError::PatternMatchesNothing);
    assert_eq!(refused("a+"), MaskError::PatternUnbounded(1024));
    assert_eq!(refused("a{1,1025}"), MaskError::PatternUnbounded(1024));
    assert_eq!(refused(&"a".repeat(1025)), MaskError::PatternTooLong(1024));
    assert!(matches!(
        refused(&format!("{}a{}", "(".repeat(40), ")".repeat(40))),
        MaskError::PatternSyntax(_)
    ));
    let mut many = none;
    for _ in 0..32 {
        many = many.with_pattern("a").unwrap();
    }
    assert_eq!(
        many.with_pattern("a").unwrap_err(),
        MaskError::TooManyPatterns(32)
    );
}
