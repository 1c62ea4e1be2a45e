<?php

namespace Countersign\TimeTracker;

/** Who in Time Tracker is the person whom the provider names? Time Tracker's own table answers, and gets new rows if configured. */
final class People
{
    private Settings $settings;

    public function __construct(Settings $settings)
    {
        $this->settings = $settings;
    }

    /**
     * The active user whom these claims are about.
     *
     * @param array<string, mixed> $claims
     * @return array{id: int, login: string}
     */
    public function find(array $claims): array
    {
        $value = Claims::text($claims, $this->settings->claim);
        if ($value === '' || ($this->settings->column === 'id' && !ctype_digit($value))) {
            throw new Trouble('nameless', "the ID token has no {$this->settings->claim}");
        }
        $known = $this->known($value);
        foreach ($known as $row) {
            if ((string) $row['status'] === '1') {
                return ['id' => (int) $row['id'], 'login' => $row['login']];
            }
        }
        // Somebody has made them inactive, or deleted them here: that stands.
        if ($known) {
            throw new Trouble('inactive', $value, ['login' => $value]);
        }
        if (!$this->settings->create || $this->settings->column !== 'login') {
            throw new Trouble('unknown', $value, ['login' => $value]);
        }
        return $this->add($value, $claims);
    }

    /** @return array<int, array<string, mixed>> */
    private function known(string $value): array
    {
        $column = $this->settings->column;
        $quoted = getConnection()->quote($value);
        $rows = self::rows("SELECT id, login, status FROM tt_users WHERE $column = $quoted");
        // The database may take "una " for "una", as MySQL does, and other things for numbers.
        return array_filter($rows, static fn (array $row): bool => (string) $row[$column] === $value);
    }

    /**
     * @param array<string, mixed> $claims
     * @return array{id: int, login: string}
     */
    private function add(string $login, array $claims): array
    {
        [$group, $org] = $this->group($claims, $login);
        $role = self::role($group, Claims::text($claims, 'role'));
        $name = Claims::text($claims, 'name') ?: $login;
        $email = Claims::text($claims, 'email');
        if (!ttValidString($login, false, 80) || !ttValidString($name, false, 80) || strlen($email) > 100) {
            throw new Trouble('unfit', "$login, $name, $email");
        }
        import('ttUserHelper');
        if (!\ttUserHelper::canAdd()) {
            throw new Trouble('full', 'max_users');
        }
        $db = getConnection();
        $values = implode(', ', array_map([$db, 'quote'], [
            $login, $name, $email === '' ? null : $email, date('Y-m-d H:i:s', $this->settings->now()), $_SERVER['REMOTE_ADDR'] ?? '',
        ]));
        // Without a password: should Time Tracker's own sign-in be switched on again, they have to be given one.
        $added = $db->exec('INSERT INTO tt_users (login, name, email, created, created_ip, group_id, org_id, role_id) ' .
            "VALUES ($values, $group, $org, $role)");
        if (is_a($added, 'PEAR_Error')) {
            throw new Trouble('later', 'insert into tt_users: ' . $added->getMessage());
        }
        return $this->find([$this->settings->claim => $login]);
    }

    /**
     * The group that they are added to: the first of theirs that the settings name.
     *
     * @param array<string, mixed> $claims
     * @return array{int, int} with its organisation
     */
    private function group(array $claims, string $login): array
    {
        $theirs = array_filter(is_array($claims['groups'] ?? null) ? $claims['groups'] : [], 'is_string');
        foreach ($theirs as $path) {
            $id = $this->settings->create[$path] ?? 0;
            foreach (self::rows("SELECT id, org_id FROM tt_groups WHERE id = $id AND status = 1") as $row) {
                return [(int) $row['id'], (int) $row['org_id']];
            }
        }
        $about = ['login' => $login, 'groups' => implode(', ', $theirs)];
        throw new Trouble($theirs ? 'no_group' : 'unknown', "$login, who is in these groups: {$about['groups']}", $about);
    }

    /** A role of that group's own with this name, for people who track time: Top managers and clients are made by hand. */
    private static function role(int $group, string $name): int
    {
        foreach (self::rows("SELECT id, name, rights FROM tt_roles WHERE group_id = $group AND status = 1") as $row) {
            if ($row['name'] === $name && in_array('track_own_time', explode(',', (string) $row['rights']), true)) {
                return (int) $row['id'];
            }
        }
        throw new Trouble('no_role', $name, ['role' => $name]);
    }

    /** @return array<int, array<string, mixed>> */
    private static function rows(string $sql): array
    {
        $result = getConnection()->query($sql);
        if (is_a($result, 'PEAR_Error')) {
            throw new Trouble('later', 'database: ' . $result->getMessage());
        }
        $rows = [];
        while ($row = $result->fetchRow()) {
            $rows[] = $row;
        }
        return $rows;
    }
}
