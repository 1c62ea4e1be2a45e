<?php

namespace Countersign\TimeTracker;

/** What the provider publishes, and the two places where we send a browser. */
final class Provider
{
    public const TWO_FACTOR = 'urn:countersign:acr:2fa';

    private const DISCOVERY_HOLDS = 86400;
    private const KEYS_HOLD = 3600;
    /** An unknown key is looked for once more, but no oftener than this: anybody can make up a `kid`. */
    private const KEYS_REST = 60;

    private Settings $settings;
    private Store $store;
    private Http $http;

    public function __construct(Settings $settings, Store $store)
    {
        $this->settings = $settings;
        $this->store = $store;
        $this->http = new Http($settings);
    }

    /** @param array{state: string, nonce: string, verifier: string} $pending */
    public function authorizationUrl(array $pending, bool $again): string
    {
        $wanted = [$this->settings->claim => ['essential' => true]];
        if ($this->settings->create) {
            $wanted += ['name' => null, 'email' => null, 'groups' => null, 'role' => null];
        }
        if ($this->settings->requireTwoFactor) {
            $wanted['acr'] = ['essential' => true, 'values' => [self::TWO_FACTOR]];
        }
        return self::with($this->endpoint('authorization_endpoint'), [
            'response_type' => 'code',
            'client_id' => $this->settings->clientId,
            'redirect_uri' => $this->settings->redirectUri,
            'scope' => $this->settings->create ? 'openid profile email groups' : 'openid profile',
            'claims' => json_encode(['id_token' => $wanted]),
            'state' => $pending['state'],
            'nonce' => $pending['nonce'],
            'code_challenge' => rtrim(strtr(base64_encode(hash('sha256', $pending['verifier'], true)), '+/', '-_'), '='),
            'code_challenge_method' => 'S256',
        ] + ($again ? ['prompt' => 'login'] : []));
    }

    /** RP-Initiated Logout section 2. */
    public function logoutUrl(string $idToken): string
    {
        return self::with($this->endpoint('end_session_endpoint'), [
            'id_token_hint' => $idToken,
            'client_id' => $this->settings->clientId,
            'post_logout_redirect_uri' => $this->settings->redirectUri,
        ]);
    }

    /** The ID token for a code, not yet verified. */
    public function redeem(string $code, string $verifier): string
    {
        [$status, $answer] = $this->http->ask($this->endpoint('token_endpoint'), [
            'grant_type' => 'authorization_code',
            'code' => $code,
            'redirect_uri' => $this->settings->redirectUri,
            'code_verifier' => $verifier,
        ]);
        if ($status === 200 && is_string($answer['id_token'] ?? null)) {
            return $answer['id_token'];
        }
        $error = Claims::text($answer, 'error');
        $word = ['invalid_grant' => 'state', 'invalid_client' => 'misregistered', 'unauthorized_client' => 'misregistered'];
        $detail = "token endpoint: $status $error " . Claims::text($answer, 'error_description');
        throw new Trouble($word[$error] ?? 'later', $detail);
    }

    /**
     * The claims of a JWT that the provider has signed.
     *
     * @return array<string, mixed>
     */
    public function verify(string $jwt, string $type): array
    {
        return Jwt::verify($jwt, [$type], fn (string $kid): ?array => $this->key($kid));
    }

    /** @return array<string, mixed>|null */
    private function key(string $kid): ?array
    {
        $now = $this->settings->now();
        $kept = $this->store->document('jwks');
        if ($kept !== null && $kept[0] > $now - self::KEYS_HOLD && $kept[0] <= $now) {
            $key = self::named($kept[1], $kid);
            if ($key !== null || $kept[0] > $now - self::KEYS_REST) {
                return $key;
            }
        }
        return self::named($this->fetch('jwks', $this->endpoint('jwks_uri')), $kid);
    }

    /**
     * @param array<string, mixed> $set
     * @return array<string, mixed>|null
     */
    private static function named(array $set, string $kid): ?array
    {
        foreach (is_array($set['keys'] ?? null) ? $set['keys'] : [] as $key) {
            if (is_array($key) && ($key['kid'] ?? null) === $kid) {
                return $key;
            }
        }
        return null;
    }

    private function endpoint(string $name): string
    {
        $kept = $this->store->document('discovery');
        $now = $this->settings->now();
        if ($kept === null || $kept[0] <= $now - self::DISCOVERY_HOLDS || $kept[0] > $now) {
            $url = rtrim($this->settings->issuer, '/') . '/.well-known/openid-configuration';
            $document = $this->fetch('discovery', $url);
        } else {
            $document = $kept[1];
        }
        $url = Claims::text($document, $name);
        if (!Settings::isSafe($url)) {
            throw new Trouble('unreachable', "discovery names no $name");
        }
        return $url;
    }

    /** @return array<string, mixed> */
    private function fetch(string $name, string $url): array
    {
        [$status, $document] = $this->http->ask($url);
        if ($status !== 200) {
            throw new Trouble('unreachable', "$url answered $status");
        }
        // OpenID Connect Discovery section 4.3: it must be the document of the very issuer that was asked for.
        if ($name === 'discovery' && ($document['issuer'] ?? null) !== $this->settings->issuer) {
            $says = Claims::text($document, 'issuer');
            throw new Trouble('misregistered', "AUTH_MODULE_PARAMS['issuer'] must be as the provider writes it: $says");
        }
        $this->store->keepDocument($name, $document);
        return $document;
    }

    /** @param array<string, string> $query */
    private static function with(string $url, array $query): string
    {
        return $url . (strpos($url, '?') === false ? '?' : '&') . http_build_query($query, '', '&', PHP_QUERY_RFC3986);
    }
}
