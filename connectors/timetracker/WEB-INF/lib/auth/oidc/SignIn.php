<?php

namespace Countersign\TimeTracker;

/** From "sign in" to a session: the request, and what its answer must be. Holds no state but in $_SESSION. */
final class SignIn
{
    /** Where $_SESSION keeps sign-ins that have begun, one for each tab. */
    public const PENDING = 'oidc_pending';

    private const MOST_PENDING = 8;
    private const PENDING_LIVES = 3600;
    private const ERRORS = [
        'access_denied' => 'denied',
        'login_required' => 'denied',
        'interaction_required' => 'denied',
        'consent_required' => 'denied',
        'unmet_authentication_requirements' => 'two_factor',
        'temporarily_unavailable' => 'later',
        'server_error' => 'later',
    ];

    private Settings $settings;
    private Provider $provider;

    public function __construct(Settings $settings, Provider $provider)
    {
        $this->settings = $settings;
        $this->provider = $provider;
    }

    /** Where the browser goes; what the answer must fit is kept in the session of this browser alone. */
    public function begin(bool $again): string
    {
        $pending = ['at' => $this->settings->now()];
        foreach (['state', 'nonce', 'verifier'] as $secret) {
            $pending[$secret] = bin2hex(random_bytes(32));
        }
        $url = $this->provider->authorizationUrl($pending, $again);
        $all = [$pending['state'] => $pending] + ($_SESSION[self::PENDING] ?? []);
        $_SESSION[self::PENDING] = array_slice($all, 0, self::MOST_PENDING, true);
        return $url;
    }

    /**
     * Whom the provider has sent back, if everything about the answer is right.
     *
     * @param array<string, mixed> $answer the query
     * @return array{array<string, mixed>, string} the claims, and the ID token that holds them
     */
    public function finish(array $answer): array
    {
        $pending = $this->take(Claims::text($answer, 'state'));
        // RFC 9207: an answer that another provider has slipped in.
        if (Claims::text($answer, 'iss') !== $this->settings->issuer) {
            throw new Trouble('forged', 'iss of the authorization response');
        }
        $error = Claims::text($answer, 'error');
        if ($error !== '') {
            $detail = "$error " . Claims::text($answer, 'error_description');
            throw new Trouble(self::ERRORS[$error] ?? 'misregistered', $detail);
        }
        $code = Claims::text($answer, 'code');
        if ($code === '' || strlen($code) > 2048) {
            throw new Trouble('forged', 'an answer without a code');
        }
        $idToken = $this->provider->redeem($code, $pending['verifier']);
        $claims = $this->provider->verify($idToken, 'JWT');
        Claims::checkIdToken($claims, $this->settings, $pending['nonce']);
        return [$claims, $idToken];
    }

    /**
     * What this browser began with that state, which is thereby used up.
     *
     * @return array{state: string, nonce: string, verifier: string, at: int}
     */
    private function take(string $state): array
    {
        $pending = $_SESSION[self::PENDING][$state] ?? null;
        unset($_SESSION[self::PENDING][$state]);
        if (!is_array($pending) || $pending['at'] < $this->settings->now() - self::PENDING_LIVES) {
            throw new Trouble('state', 'unknown state');
        }
        return $pending;
    }
}
