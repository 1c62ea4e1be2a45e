<?php

namespace Countersign\TimeTracker;

/** Asks the provider: over TLS that is verified, with limits on time and size, following nothing. */
final class Http
{
    private const MOST_BYTES = 262144;

    private Settings $settings;

    public function __construct(Settings $settings)
    {
        $this->settings = $settings;
    }

    /**
     * Gets a document, or posts a form as the client that we are registered as.
     *
     * @param array<string, string>|null $form
     * @return array{int, array<string, mixed>} status and JSON
     */
    public function ask(string $url, ?array $form = null): array
    {
        $unreachable = static fn (string $why): Trouble => new Trouble('unreachable', "$url: $why");
        if (!function_exists('curl_init')) {
            throw new Trouble('settings', 'no curl', ['what' => "PHP's extension curl is missing"]);
        }
        if (!Settings::isSafe($url)) {
            throw $unreachable('is not an https address');
        }
        $body = '';
        $handle = curl_init($url);
        curl_setopt_array($handle, $this->options());
        curl_setopt($handle, CURLOPT_WRITEFUNCTION, static function ($_, string $part) use (&$body): int {
            $body .= $part;
            return strlen($body) > self::MOST_BYTES ? 0 : strlen($part);
        });
        if ($form !== null) {
            // RFC 6749 section 2.3.1: both are form-encoded before they are put together.
            $proof = urlencode($this->settings->clientId) . ':' . urlencode($this->settings->clientSecret);
            curl_setopt($handle, CURLOPT_USERPWD, $proof);
            curl_setopt($handle, CURLOPT_POSTFIELDS, http_build_query($form));
        }
        $done = curl_exec($handle);
        $status = (int) curl_getinfo($handle, CURLINFO_RESPONSE_CODE);
        if ($done === false) {
            throw $unreachable(curl_error($handle));
        }
        $json = json_decode($body, true, 16);
        if (!is_array($json)) {
            throw $unreachable("answered $status without JSON");
        }
        return [$status, $json];
    }

    /** @return array<int, mixed> */
    private function options(): array
    {
        $options = [
            CURLOPT_PROTOCOLS => CURLPROTO_HTTPS | CURLPROTO_HTTP,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_SSL_VERIFYPEER => true,
            CURLOPT_SSL_VERIFYHOST => 2,
            CURLOPT_CONNECTTIMEOUT => 5,
            CURLOPT_TIMEOUT => 10,
            CURLOPT_HTTPAUTH => CURLAUTH_BASIC,
            CURLOPT_HTTPHEADER => ['Accept: application/json'],
        ];
        if ($this->settings->caFile !== null) {
            $options[CURLOPT_CAINFO] = $this->settings->caFile;
        }
        return $options;
    }
}
