<?php

require_once 'initialize.php';
echo 'a page of the own sign-in';
