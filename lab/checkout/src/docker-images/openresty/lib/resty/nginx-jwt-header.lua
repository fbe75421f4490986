-- Lets in who brings a valid token as `Authorization: Bearer`.
local check = require "resty.jwt-check"
local secret = "Sign key for JWT"
local M = {}

function M.auth()
    local claims, reason = check.claims(secret, (ngx.var.http_authorization or ""):match("^Bearer%s+(.+)$") or "")
    if not claims then
        check.refuse(reason)
    end
end

return M
