<?php

namespace Countersign\TimeTracker;

/** Are these claims meant for us, now? Decides, and does nothing. */
final class Claims
{
    /** Seconds by which clocks may differ. */
    private const LEEWAY = 60;
    /** Seconds between an ID token's making and its arrival: it comes straight from the provider. */
    private const OLDEST = 600;
    private const LOGOUT = 'http://schemas.openid.net/event/backchannel-logout';

    /**
     * OpenID Connect Core section 3.1.3.7.
     *
     * @param array<string, mixed> $claims
     */
    public static function checkIdToken(array $claims, Settings $settings, string $nonce): void
    {
        self::checkCommon($claims, $settings);
        if (!is_string($claims['nonce'] ?? null) || !hash_equals($nonce, $claims['nonce'])) {
            throw new Trouble('forged', 'the nonce is another one');
        }
        if (self::text($claims, 'sub') === '') {
            throw new Trouble('forged', 'there is no sub');
        }
        if ($settings->requireTwoFactor && ($claims['acr'] ?? null) !== Provider::TWO_FACTOR) {
            throw new Trouble('two_factor', 'acr ' . self::text($claims, 'acr'));
        }
    }

    /**
     * OpenID Connect Back-Channel Logout section 2.6.
     *
     * @param array<string, mixed> $claims
     */
    public static function checkLogoutToken(array $claims, Settings $settings): void
    {
        self::checkCommon($claims, $settings);
        if (!is_array($claims['events'] ?? null) || !is_array($claims['events'][self::LOGOUT] ?? null)) {
            throw new Trouble('forged', 'it announces no logout');
        }
        if (array_key_exists('nonce', $claims)) {
            throw new Trouble('forged', 'a logout token has no nonce');
        }
        if (self::text($claims, 'jti') === '' || self::text($claims, 'sub') . self::text($claims, 'sid') === '') {
            throw new Trouble('forged', 'it does not say who, or which logout');
        }
    }

    /** @param array<string, mixed> $claims */
    private static function checkCommon(array $claims, Settings $settings): void
    {
        $audience = (array) ($claims['aud'] ?? []);
        if (($claims['iss'] ?? null) !== $settings->issuer) {
            throw new Trouble('forged', 'it is from another issuer');
        }
        if (!in_array($settings->clientId, $audience, true)) {
            throw new Trouble('forged', 'it is for another app');
        }
        if (($claims['azp'] ?? (count($audience) === 1 ? $settings->clientId : null)) !== $settings->clientId) {
            throw new Trouble('forged', 'it was asked for by another app');
        }
        $iat = $claims['iat'] ?? null;
        $exp = $claims['exp'] ?? null;
        $now = $settings->now();
        if (!is_int($iat) || !is_int($exp)) {
            throw new Trouble('forged', 'it does not say from when until when it holds');
        }
        if ($exp <= $now - self::LEEWAY || $iat > $now + self::LEEWAY || $iat < $now - self::OLDEST) {
            throw new Trouble('clock', "it holds from $iat to $exp, and it is $now here");
        }
    }

    /**
     * A claim of text; empty if there is none.
     *
     * @param array<string, mixed> $claims
     */
    public static function text(array $claims, string $name): string
    {
        return is_string($claims[$name] ?? null) ? $claims[$name] : '';
    }
}
