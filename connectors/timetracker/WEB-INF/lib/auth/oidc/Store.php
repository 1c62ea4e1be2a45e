<?php

namespace Countersign\TimeTracker;

/**
 * What must outlast a request: fetched documents, and one small file for each session that may go on. A sign-out from elsewhere
 * removes that file. If the folder is emptied, everybody signs in again; nobody who was signed out comes back.
 */
final class Store
{
    private Settings $settings;

    public function __construct(Settings $settings)
    {
        $this->settings = $settings;
    }

    /** @return array{int, array<string, mixed>}|null when it was fetched, and the document */
    public function document(string $name): ?array
    {
        $kept = json_decode((string) @file_get_contents($this->path("$name.json")), true, 17);
        $whole = is_array($kept) && is_int($kept['at'] ?? null) && is_array($kept['document'] ?? null);
        // Another provider's, from before the settings were changed, is none of ours.
        return $whole && ($kept['issuer'] ?? null) === $this->settings->issuer ? [$kept['at'], $kept['document']] : null;
    }

    /** @param array<string, mixed> $document */
    public function keepDocument(string $name, array $document): void
    {
        $kept = ['issuer' => $this->settings->issuer, 'at' => $this->settings->now(), 'document' => $document];
        $new = $this->path("$name." . bin2hex(random_bytes(8)));
        if (@file_put_contents($new, json_encode($kept)) === false || !@rename($new, $this->path("$name.json"))) {
            throw $this->broken();
        }
    }

    public function begin(string $sub, string $sid): void
    {
        $this->sweep();
        if ($this->hasEnded($sub, $sid)) {
            throw new Trouble('ended', 'a sign-out came first');
        }
        $this->mark(self::session($sub, $sid));
    }

    /** Asks for both: a sign-out may have come while `begin`, in another process, was between its two lines. */
    public function isLive(string $sub, string $sid): bool
    {
        return file_exists($this->path(self::session($sub, $sid))) && !$this->hasEnded($sub, $sid);
    }

    /** Ends one session, or without its name all of a person, or without the person all of that name. */
    public function end(string $sub, string $sid): void
    {
        $which = '/^live\.' . ($sub === '' ? '\w+' : self::hash($sub)) . '\.' . ($sid === '' ? '\w+' : self::hash($sid)) . '$/D';
        foreach (preg_grep($which, $this->files()) as $name) {
            if (!@unlink($this->path($name)) && file_exists($this->path($name))) {
                throw $this->broken();
            }
        }
    }

    /** Nor does a session of this name begin any more: its sign-out may come before the browser does. */
    public function endForGood(string $sub, string $sid): void
    {
        if ($sid !== '') {
            $this->mark(self::ended($sub, $sid));
        }
        $this->end($sub, $sid);
    }

    /** Whether a logout token of this name comes for the first time. */
    public function isNew(string $jti): bool
    {
        return $this->mark('seen.' . self::hash($jti));
    }

    private function hasEnded(string $sub, string $sid): bool
    {
        return file_exists($this->path(self::ended($sub, $sid))) || file_exists($this->path(self::ended('', $sid)));
    }

    /** A logout token may leave the person out. */
    private static function ended(string $sub, string $sid): string
    {
        return 'ended.' . self::hash($sub) . '.' . self::hash($sid);
    }

    private static function session(string $sub, string $sid): string
    {
        return 'live.' . self::hash($sub) . '.' . self::hash($sid);
    }

    /** Sees to it that there is an empty file of this name and this moment; whether there was none before. */
    private function mark(string $name): bool
    {
        $file = @fopen($this->path($name), 'x');
        if (($file === false && !file_exists($this->path($name))) || !@touch($this->path($name), $this->settings->now())) {
            throw $this->broken();
        }
        return $file !== false;
    }

    /** Removes what no session can need any more, once an hour. */
    private function sweep(): void
    {
        $now = $this->settings->now();
        $last = $this->path('swept');
        if (is_file($last) && filemtime($last) > $now - 3600) {
            return;
        }
        $this->mark('swept');
        foreach (preg_grep('/^(live|ended|seen)\./', $this->files()) as $name) {
            if (@filemtime($this->path($name)) < $now - $this->settings->lifetime - 3600) {
                @unlink($this->path($name));
            }
        }
    }

    /** @return string[] */
    private function files(): array
    {
        $files = @scandir($this->settings->stateDir);
        if ($files === false) {
            throw $this->broken();
        }
        return $files;
    }

    private function broken(): Trouble
    {
        return new Trouble('store', "cannot write to {$this->settings->stateDir}");
    }

    private function path(string $name): string
    {
        return $this->settings->stateDir . '/' . $name;
    }

    private static function hash(string $text): string
    {
        return hash('sha256', $text);
    }
}
