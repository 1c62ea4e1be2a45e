<?php

// What a module for signing in extends: three keys of the session, and a password that somebody else judges.

class Auth
{
    public static function factory($module, $params)
    {
        import('auth.Auth_' . $module);
        $class = 'Auth_' . $module;
        return new $class($params);
    }

    function isAuthenticated()
    {
        return isset($_SESSION['authenticated']);
    }

    function authenticate($login, $password)
    {
        return false;
    }

    function isPasswordExternal()
    {
        return false;
    }

    function doLogin($login, $password)
    {
        $found = $this->authenticate($login, $password);
        if ($found) {
            $this->setAuth($found['id'], $found['login']);
        }
        return (bool) $found;
    }

    function doLogout()
    {
        unset($_SESSION['authenticated'], $_SESSION['authenticated_user_id'], $_SESSION['login']);
    }

    function setAuth($id, $login)
    {
        $_SESSION['authenticated'] = true;
        $_SESSION['authenticated_user_id'] = $id;
        $_SESSION['login'] = $login;
    }

    function getUserId()
    {
        return $_SESSION['authenticated_user_id'] ?? null;
    }
}
