<?php

namespace Countersign\TimeTracker;

/** The provider tells that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0). No browser and no session is here. */
final class Backchannel
{
    /**
     * @param array<string, mixed> $params AUTH_MODULE_PARAMS
     * @param array<string, mixed> $form
     * @return array{int, array<string, string>} status and JSON
     */
    public static function answer(array $params, array $form): array
    {
        try {
            $settings = Settings::read($params);
            $store = new Store($settings);
            $claims = (new Provider($settings, $store))->verify(Claims::text($form, 'logout_token'), 'logout+jwt');
            Claims::checkLogoutToken($claims, $settings);
            if (!$store->isNew(Claims::text($claims, 'jti'))) {
                throw new Trouble('forged', 'this logout token has come before');
            }
            $store->endForGood(Claims::text($claims, 'sub'), Claims::text($claims, 'sid'));
            return [200, []];
        } catch (Trouble $trouble) {
            $trouble->log();
            $refused = in_array($trouble->word, ['forged', 'clock'], true);
            // After anything but 400 the provider tries again, which is right where the fault is ours.
            return $refused
                ? [400, ['error' => 'invalid_request', 'error_description' => $trouble->getMessage()]]
                : [503, ['error' => 'temporarily_unavailable']];
        }
    }
}
