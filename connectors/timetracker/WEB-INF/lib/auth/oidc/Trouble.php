<?php

namespace Countersign\TimeTracker;

/** Why somebody is not let in: a word that words.php has a sentence for, and what only the log says. */
final class Trouble extends \RuntimeException
{
    public string $word;
    /** @var array<string, string> What stands in the sentence's places. */
    public array $about;

    /** @param array<string, string> $about */
    public function __construct(string $word, string $detail = '', array $about = [])
    {
        parent::__construct($detail === '' ? $word : "$word: $detail");
        $this->word = $word;
        $this->about = $about;
    }

    /** Writes it into PHP's log, on one line whatever came from outside. */
    public function log(): void
    {
        $line = preg_replace('/[^\x20-\x7e]+/', ' ', $this->getMessage());
        error_log('Time Tracker, sign-in by OpenID Connect: ' . substr((string) $line, 0, 500));
    }
}
