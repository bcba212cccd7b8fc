// What both drivers of passkeys do in a page of `localhost`, and how a browser gets a virtual authenticator.

export const make = async (algorithm) => {
  const bytes = (length) => crypto.getRandomValues(new Uint8Array(length));
  const { rawId, response } = await navigator.credentials.create({ publicKey: {
    rp: { id: 'localhost', name: 'Custos' },
    user: { id: bytes(16), name: 'bob', displayName: 'Bob' },
    challenge: bytes(32),
    pubKeyCredParams: [{ type: 'public-key', alg: algorithm }],
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    attestation: 'none',
  } });
  const text = (buffer) => new Uint8Array(buffer).toBase64({ alphabet: 'base64url', omitPadding: true });
  return {
    algorithm: response.getPublicKeyAlgorithm(), credential_id: text(rawId), spki: text(response.getPublicKey()),
  };
};

export const sign = async ({ id, challenge, userVerification }) => {
  const from = (text) => Uint8Array.fromBase64(text, { alphabet: 'base64url' });
  try {
    const credential = await navigator.credentials.get({ publicKey: {
      challenge: from(challenge), rpId: 'localhost', userVerification, timeout: 10_000,
      allowCredentials: [{ type: 'public-key', id: from(id) }],
    } });
    return credential.toJSON();
  } catch (error) {
    return { error: error.name };
  }
};

export const launch = async (chromium, { chromium: executablePath, profile }) => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath, headless: true, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  context.setDefaultTimeout(30_000);
  return context;
};

// Whoever uses it is verified until `verified(false)`.
export const authenticator = async (context, page) => {
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', { options: {
    protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
    automaticPresenceSimulation: true,
  } });
  return (isUserVerified) => devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
};
