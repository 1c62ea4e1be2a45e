<?php

namespace Countersign\TimeTracker;

/** What AUTH_MODULE_PARAMS in WEB-INF/config.php says, checked once; README.md explains each key. */
final class Settings
{
    public string $issuer;
    public string $clientId;
    public string $clientSecret;
    /** Our one address: the redirect URI, the place to land after a sign-out, and the back-channel. */
    public string $redirectUri;
    public string $stateDir;
    public ?string $caFile;
    public bool $requireTwoFactor;
    /** The claim by which people are known, and the column of tt_users that holds it. */
    public string $claim;
    public string $column;
    /** @var array<string, int> Groups whose people are added when they come, as path and tt_groups.id. */
    public array $create;
    /** Seconds after which a session here is renewed at the provider. */
    public int $lifetime;
    /** @var array<string, string> */
    private array $words;
    /** @var callable(): int the time of day, but in tests */
    private $clock;

    private const KEYS = [
        'issuer', 'client_id', 'client_secret', 'client_secret_file', 'redirect_uri', 'state_dir', 'ca_file',
        'require_two_factor', 'match', 'create', 'lifetime', 'words', 'clock',
    ];

    /** @param array<string, mixed> $params */
    public static function read(array $params): self
    {
        $unknown = array_diff(array_keys($params), self::KEYS);
        if ($unknown) {
            throw self::wrong("there is no AUTH_MODULE_PARAMS['" . reset($unknown) . "']");
        }
        if (!is_bool($params['require_two_factor'] ?? false)) {
            throw self::wrong("'require_two_factor' must be true or false");
        }
        $settings = new self();
        $settings->issuer = self::address($params, 'issuer');
        $settings->clientId = self::text($params, 'client_id');
        $settings->clientSecret = self::secret($params);
        $settings->redirectUri = self::address($params, 'redirect_uri');
        if (substr($settings->redirectUri, -9) !== '/oidc.php') {
            throw self::wrong("'redirect_uri' must end in /oidc.php");
        }
        $settings->stateDir = rtrim(self::text($params, 'state_dir'), '/');
        if (!is_dir($settings->stateDir) || !is_writable($settings->stateDir)) {
            throw self::wrong("'state_dir' must be a folder that PHP may write to");
        }
        // Whoever can write there can make up the provider's keys.
        if (fileperms($settings->stateDir) & 0002) {
            throw self::wrong("'state_dir' must be a folder that not everybody may write to");
        }
        $settings->caFile = isset($params['ca_file']) ? self::text($params, 'ca_file') : null;
        if ($settings->caFile !== null && !is_readable($settings->caFile)) {
            throw self::wrong("'ca_file' cannot be read");
        }
        $settings->requireTwoFactor = $params['require_two_factor'] ?? false;
        [$settings->claim, $settings->column] = self::knownBy($params['match'] ?? ['preferred_username' => 'login']);
        $settings->create = self::create($params['create'] ?? []);
        $settings->lifetime = (int) ($params['lifetime'] ?? 43200);
        if ($settings->lifetime < 60) {
            throw self::wrong("'lifetime' is in seconds, 60 at least");
        }
        $settings->words = (array) ($params['words'] ?? []) + require __DIR__ . '/words.php';
        $settings->clock = $params['clock'] ?? 'time';
        return $settings;
    }

    /** Seconds since 1970. */
    public function now(): int
    {
        return ($this->clock)();
    }

    /** An address of Time Tracker, by the host that the provider knows it by. */
    public function at(string $page): string
    {
        return substr($this->redirectUri, 0, -strlen('oidc.php')) . $page;
    }

    public function isHttps(): bool
    {
        return strpos($this->redirectUri, 'https://') === 0;
    }

    /** @param array<string, string> $about */
    public function say(string $word, array $about = []): string
    {
        $places = ['{issuer}' => (string) parse_url($this->issuer, PHP_URL_HOST)];
        foreach ($about as $name => $value) {
            $places['{' . $name . '}'] = $value;
        }
        return strtr($this->words[$word] ?? $word, $places);
    }

    /** https, or http to this very machine. */
    public static function isSafe(string $url): bool
    {
        return (bool) preg_match('~^(https://[^/?#@\s]+|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)([/?#]|$)~D', $url);
    }

    private static function wrong(string $what): Trouble
    {
        return new Trouble('settings', $what, ['what' => $what]);
    }

    /** @param array<string, mixed> $params */
    private static function text(array $params, string $key): string
    {
        $value = $params[$key] ?? '';
        if (!is_string($value) || $value === '') {
            throw self::wrong("AUTH_MODULE_PARAMS['$key'] is missing");
        }
        return $value;
    }

    /** @param array<string, mixed> $params */
    private static function address(array $params, string $key): string
    {
        $value = self::text($params, $key);
        if (!self::isSafe($value)) {
            throw self::wrong("'$key' must be an https address");
        }
        return $value;
    }

    /** @param array<string, mixed> $params */
    private static function secret(array $params): string
    {
        if (!isset($params['client_secret_file'])) {
            return self::text($params, 'client_secret');
        }
        $secret = @file_get_contents(self::text($params, 'client_secret_file'));
        if ($secret === false || trim($secret) === '') {
            throw self::wrong("'client_secret_file' cannot be read, or is empty");
        }
        return trim($secret);
    }

    /**
     * @param mixed $match
     * @return array{string, string}
     */
    private static function knownBy($match): array
    {
        $claim = is_array($match) && count($match) === 1 ? key($match) : null;
        if (!is_string($claim) || !in_array($match[$claim], ['login', 'id'], true)) {
            throw self::wrong("'match' must be one claim and its column, such as array('preferred_username' => 'login')");
        }
        return [$claim, $match[$claim]];
    }

    /**
     * @param mixed $create
     * @return array<string, int>
     */
    private static function create($create): array
    {
        foreach (is_array($create) ? $create : [null] as $path => $id) {
            if (!is_string($path) || !is_int($id) || $id < 1) {
                throw self::wrong("'create' must name groups and their numbers, such as array('Acme' => 12)");
            }
        }
        return $create;
    }
}
