import json,os,re,subprocess,sys
B="/root/.cache/oxikale/target-lib/tmp/program/debug/step-program"
src=open("/work/main/oxikale/tests/program/src/values.rs").read()
KEYS=re.findall(r'pass\(\s*step,\s*"(\w+)"',src)
def art(n,meta={},root="/tmp/libtry/run"): return {"artifacts":[{"name":n,"type":{"schemaTitle":"system.Artifact","schemaVersion":"0.0.1"},"uri":f"{root}/{n}","metadata":meta}]}
def run(step,outs=(),ins=(),params={},env={},root="/tmp/libtry/run",meta={}):
    d={"inputs":{"parameterValues":params,"artifacts":{k:art(k,meta.get(k,{}),root) for k in ins}},"outputs":{"artifacts":{k:art(k,{},root) for k in outs},"outputFile":root+"/out/executor_output.json"}}
    p=subprocess.run([B,"--step",step,"--executor_input",json.dumps(d)],capture_output=True,text=True,env={**os.environ,"OXIKALE_EVENTS":"/tmp/libtry/events","OXIKALE_RUN":"r",**env})
    print("==",step,p.returncode); print(p.stdout[-3500:]); print("ERR",p.stderr[-2500:])
    return p
ours=["step-metrics","html-report","cell-result"]
if __name__=="__main__":
    run("save",KEYS+ours)
    o=json.load(open("run/out/executor_output.json"))
    meta={k:v["artifacts"][0]["metadata"] for k,v in o["artifacts"].items()}
    run("load",ours,KEYS,meta=meta)
    for s in ["panic","foreign-panic","fail","early","unserializable","recurse"]: run(s,["x"]+ours)
    run("fail",["x"]+ours,params={"deep":True})
    run("half",["x","art"]); run("thread-panic",["x"]); run("caught",["x"])
    run("small",["x"],params={"n":3.0}); run("small",["x"],params={"n":"a"}); run("nope")
