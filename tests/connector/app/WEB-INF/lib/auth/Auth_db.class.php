<?php

// Passwords in the app's own table.

class Auth_db extends Auth
{
    function authenticate($login, $password)
    {
        $db = getConnection();
        $where = 'login = ' . $db->quote($login) . ' AND password = ' . $db->quote(md5($password));
        return $db->query("SELECT id, login FROM tt_users WHERE $where AND status = 1")->fetchRow() ?: false;
    }
}
