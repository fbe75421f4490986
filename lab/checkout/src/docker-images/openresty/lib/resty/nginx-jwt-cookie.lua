local secret = "Sign key for JWT"
