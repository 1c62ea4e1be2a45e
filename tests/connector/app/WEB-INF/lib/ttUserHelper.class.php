<?php

class ttUserHelper
{
    static function canAdd()
    {
        return !defined('TEST_IS_FULL');
    }
}
