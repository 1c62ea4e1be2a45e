<?php

use Countersign\TimeTracker\Claims;
use Countersign\TimeTracker\People;
use Countersign\TimeTracker\Provider;
use Countersign\TimeTracker\Settings;
use Countersign\TimeTracker\SignIn;
use Countersign\TimeTracker\Store;
use Countersign\TimeTracker\Trouble;

foreach (['Trouble', 'Settings', 'Store', 'Http', 'Jwt', 'Claims', 'Provider', 'People', 'SignIn'] as $part) {
    require_once __DIR__ . "/oidc/$part.php";
}

/**
 * Time Tracker's hook for ways to sign in, AUTH_MODULE 'oidc'. Time Tracker makes one on every page before it looks who is there, so
 * that this is also where a session that has ended elsewhere stops, and where the doors of its own sign-in are closed.
 */
class Auth_oidc extends Auth
{
    /** Pages of Time Tracker's own sign-in, which lead to ours. */
    private const CLOSED = ['login.php', '2fa.php', 'password_reset.php', 'password_change.php', 'register.php'];
    /** Where $_SESSION keeps how somebody signed in: user, sub, sid, acr, amr, auth_time, at, id_token. */
    private const SESSION = 'oidc';
    /** Where it keeps what to say when the browser comes back from a sign-out. */
    private const FAREWELL = 'oidc_farewell';

    /** What is not for this person to mend, or only by another try; everything else is 403. */
    private const STATUSES = [
        'state' => 400, 'forged' => 400, 'ended' => 400, 'denied' => 400,
        'clock' => 503, 'later' => 503, 'misregistered' => 503, 'settings' => 503, 'store' => 503, 'unreachable' => 503,
    ];

    private Settings $settings;
    private Store $store;
    private Provider $provider;

    /** @param array<string, mixed> $params */
    public function __construct($params)
    {
        try {
            $this->settings = Settings::read($params);
        } catch (Trouble $trouble) {
            self::stop($trouble);
        }
        $this->store = new Store($this->settings);
        $this->provider = new Provider($this->settings, $this->store);
        $this->sendCookie();
        if (isset($_SESSION['authenticated']) && !$this->goesOn()) {
            $_SESSION = [];
        }
        if (in_array(basename($_SERVER['SCRIPT_FILENAME'] ?? ''), self::CLOSED, true)) {
            self::leadTo($this->settings->at('oidc.php?start'));
        }
    }

    /** No login and password are right here. */
    public function authenticate($login, $password)
    {
        return false;
    }

    /** Nor is anything else that Time Tracker's own forms send. */
    public function doLogin($login, $password)
    {
        return false;
    }

    /** Takes Time Tracker's fields for passwords, and its resets, away. */
    public function isPasswordExternal()
    {
        return true;
    }

    /** Signs out here and at the provider, which tells the other apps. */
    public function doLogout()
    {
        // Time Tracker takes this by GET: a link of another site's must not sign anybody out of everything.
        if (($_SERVER['HTTP_SEC_FETCH_SITE'] ?? '') === 'cross-site') {
            self::leadTo($this->settings->at('index.php'));
        }
        $how = $_SESSION[self::SESSION] ?? null;
        $there = null;
        try {
            $this->startAfresh();
            if ($how !== null) {
                $this->store->end($how['sub'], $how['sid']);
                $there = $this->provider->logoutUrl($how['id_token']);
            }
        } catch (Trouble $trouble) {
            $trouble->log();
        }
        $_SESSION[self::FAREWELL] = $how !== null && $there === null ? 'signed_out_here' : 'signed_out';
        self::leadTo($there ?? $this->settings->at('oidc.php'));
    }

    /**
     * oidc.php, which the browser is led to.
     *
     * @param array<string, mixed> $query
     */
    public function page(array $query): void
    {
        $signedIn = isset($_SESSION['authenticated']);
        try {
            if (isset($query['state'])) {
                $this->finish($query);
            }
            if (isset($query['start']) && (!$signedIn || isset($query['again']))) {
                self::leadTo((new SignIn($this->settings, $this->provider))->begin(isset($query['again'])));
            }
        } catch (Trouble $trouble) {
            $trouble->log();
            $status = self::STATUSES[$trouble->word] ?? 403;
            $this->show($this->settings->say($trouble->word, $trouble->about), $status, $status === 403);
            return;
        }
        if ($signedIn) {
            self::leadTo($this->settings->at('index.php'));
        }
        $word = $_SESSION[self::FAREWELL] ?? 'not_signed_in';
        unset($_SESSION[self::FAREWELL]);
        $this->show($this->settings->say($word), 200, false);
    }

    /**
     * The answer has come: whoever it names is signed in, and nothing of the session before stays.
     *
     * @param array<string, mixed> $query
     */
    private function finish(array $query): void
    {
        [$claims, $idToken] = (new SignIn($this->settings, $this->provider))->finish($query);
        $person = (new People($this->settings))->find($claims);
        $how = [
            'user' => $person['id'],
            'sub' => $claims['sub'],
            // A provider that was not told our back-channel names no session.
            'sid' => Claims::text($claims, 'sid') ?: bin2hex(random_bytes(16)),
            'acr' => Claims::text($claims, 'acr'),
            'amr' => $claims['amr'] ?? [],
            'auth_time' => $claims['auth_time'] ?? null,
            'at' => $this->settings->now(),
            'id_token' => $idToken,
        ];
        $this->store->begin($how['sub'], $how['sid']);
        $this->startAfresh();
        $this->setAuth($person['id'], $person['login']);
        $_SESSION[self::SESSION] = $how;
        self::leadTo($this->settings->at('index.php'));
    }

    /** Leaves behind whom somebody worked on behalf of, what they filtered, and the session's name, which others may know. */
    private function startAfresh(): void
    {
        $_SESSION = [];
        if (!session_regenerate_id(true)) {
            throw new Trouble('store', 'PHP has not renewed the session');
        }
        $this->sendCookie();
    }

    /**
     * Whether the session was made by us for whom it is now, fits what is demanded today, is not too old, and has not been ended from
     * elsewhere. Time Tracker's own form, should it have been switched on for an hour, gives a session to somebody else and leaves the rest.
     */
    private function goesOn(): bool
    {
        $how = $_SESSION[self::SESSION] ?? null;
        return is_array($how)
            && ($how['user'] ?? null) === (int) $this->getUserId()
            && (!$this->settings->requireTwoFactor || $how['acr'] === Provider::TWO_FACTOR)
            && $how['at'] > $this->settings->now() - $this->settings->lifetime
            && $this->store->isLive($how['sub'], $how['sid']);
    }

    /** Who is not let in would not be the next time either, unless as somebody else. */
    private function show(string $message, int $status, bool $again): void
    {
        global $smarty;
        http_response_code($status);
        header('Referrer-Policy: no-referrer');
        $smarty->assign('title', $this->settings->say('title'));
        $smarty->assign('oidc_message', $message);
        $smarty->assign('oidc_link', $again ? 'oidc.php?start&again' : 'oidc.php?start');
        $smarty->assign('oidc_start', $this->settings->say($again ? 'again' : 'start'));
        $smarty->assign('content_page_name', 'login.oidc.tpl');
        $smarty->display('index.tpl');
    }

    /** Time Tracker's cookie again, but kept from scripts, from other sites' forms and from http. */
    private function sendCookie(): void
    {
        if (headers_sent() || session_status() !== PHP_SESSION_ACTIVE) {
            return;
        }
        $start = 'Set-Cookie: ' . session_name() . '=';
        $cookies = preg_grep('/^Set-Cookie:/i', headers_list());
        header_remove('Set-Cookie');
        foreach ($cookies as $line) {
            if (strpos($line, $start) !== 0) {
                header($line, false);
            }
        }
        $as = session_get_cookie_params();
        setcookie(session_name(), session_id(), [
            'expires' => $as['lifetime'] ? time() + $as['lifetime'] : 0,
            'path' => $as['path'],
            'domain' => $as['domain'],
            'secure' => $this->settings->isHttps(),
            'httponly' => true,
            'samesite' => 'Lax',
        ]);
    }

    /** @return never */
    private static function leadTo(string $where): void
    {
        header("Location: $where", true, 302);
        exit();
    }

    /** @return never */
    private static function stop(Trouble $trouble): void
    {
        $trouble->log();
        http_response_code(500);
        header('Content-Type: text/plain; charset=utf-8');
        $words = require __DIR__ . '/oidc/words.php';
        echo strtr($words['settings'], ['{what}' => $trouble->about['what'] ?? '']);
        exit();
    }
}
