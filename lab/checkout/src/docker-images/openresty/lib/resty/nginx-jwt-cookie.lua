-- Lets in who brings a valid token in the cookie `token`.
local check = require "resty.jwt-check"
local secret = "Sign key for JWT"
local M = {}

function M.auth()
    local claims, reason = check.claims(secret, ngx.var.cookie_token or "")
    if not claims then
        check.refuse(reason)
    end
end

return M
