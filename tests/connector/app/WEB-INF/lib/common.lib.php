<?php

// What the connector calls besides the hooks: loading a class, the database by the interface of PEAR's MDB2 (SQLite behind it here),
// and Time Tracker's test of what people type.

function import($name)
{
    require_once LIBRARY_DIR . '/' . str_replace('.', '/', $name) . '.class.php';
}

class PEAR_Error
{
    private $message;

    public function __construct($message)
    {
        $this->message = $message;
    }

    public function getMessage()
    {
        return $this->message;
    }
}

class Rows
{
    private $result;

    public function __construct($result)
    {
        $this->result = $result;
    }

    public function fetchRow()
    {
        return $this->result->fetchArray(SQLITE3_ASSOC) ?: null;
    }
}

class Connection
{
    private $file;

    public function __construct($file)
    {
        $this->file = new SQLite3($file);
        $this->file->enableExceptions(false);
    }

    public function quote($value)
    {
        return $value === null ? 'NULL' : "'" . SQLite3::escapeString($value) . "'";
    }

    public function query($sql)
    {
        $result = @$this->file->query($sql);
        return $result ? new Rows($result) : new PEAR_Error($this->file->lastErrorMsg());
    }

    public function exec($sql)
    {
        return @$this->file->exec($sql) ? $this->file->changes() : new PEAR_Error($this->file->lastErrorMsg());
    }
}

function &getConnection()
{
    static $connection;
    if (!$connection) {
        $connection = new Connection(DSN);
    }
    return $connection;
}

function ttValidString($value, $empty = false, $most = 0)
{
    $value = trim((string) $value);
    return ($empty || $value !== '') && stripos($value, '<script') === false && (!$most || mb_strlen($value) <= $most);
}
