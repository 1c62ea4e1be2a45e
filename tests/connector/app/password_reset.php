<?php

require_once 'initialize.php';
echo $auth->isPasswordExternal() ? 'passwords are kept elsewhere' : 'a link is on its way';
